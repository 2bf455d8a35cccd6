"""The outage guard and the policy's numbers.

Revision ID: 0004
Revises: 0003
"""
import sqlalchemy as sa
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('bounce_wave',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('operator', sa.String(length=255), nullable=False),
    sa.Column('reason', sa.String(length=32), nullable=False),
    sa.Column('began_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decision', sa.String(length=16), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by', sa.String(length=254), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bounce_wave')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_bounce_wave_decision'), 'bounce_wave', ['decision'], unique=False)
    op.add_column('bounce_event', sa.Column('wave_id', sa.Integer(), nullable=True))
    op.create_index(op.f('ix_bounce_event_wave_id'), 'bounce_event', ['wave_id'], unique=False)
    op.create_index(op.f('ix_bounce_event_domain_at'), 'bounce_event', ['domain', 'at'], unique=False)
    op.create_index(op.f('ix_subscriber_domain'), 'subscriber', ['domain'], unique=False)
    op.add_column('organisation', sa.Column('bounce_policy', sa.JSON(), server_default='{}', nullable=False))
