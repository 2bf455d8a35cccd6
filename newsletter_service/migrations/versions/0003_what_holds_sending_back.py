"""What holds sending back.

Revision ID: 0003
Revises: 0002
"""
import sqlalchemy as sa
from alembic import op


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('hold',
    sa.Column('what', sa.String(length=64), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(length=254), nullable=False),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.PrimaryKeyConstraint('what', name=op.f('pk_hold'))
    )
    op.create_table('destination_group',
    sa.Column('name', sa.String(length=32), nullable=False),
    sa.Column('rate_per_second', sa.Double(), nullable=False),
    sa.Column('max_connections', sa.Integer(), nullable=False),
    sa.Column('slowed', sa.Double(), nullable=False),
    sa.Column('slowed_at_ms', sa.BigInteger(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('backoff_until_ms', sa.BigInteger(), nullable=False),
    sa.Column('last_error', sa.String(length=300), nullable=False),
    sa.Column('last_error_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_destination_group'))
    )
    op.create_table('destination',
    sa.Column('domain', sa.String(length=255), nullable=False),
    sa.Column('group_name', sa.String(length=32), nullable=False),
    sa.Column('looked_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('domain', name=op.f('pk_destination'))
    )
    op.create_table('share',
    sa.Column('what', sa.String(length=96), nullable=False),
    sa.Column('owner', sa.String(length=64), nullable=False),
    sa.Column('rate', sa.Double(), nullable=False),
    sa.Column('connections', sa.Integer(), nullable=False),
    sa.Column('until_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('what', 'owner', name=op.f('pk_share'))
    )
    op.create_table('warm_up',
    sa.Column('what', sa.String(length=270), nullable=False),
    sa.Column('first_day', sa.Date(), nullable=False),
    sa.Column('per_day', sa.JSON(), nullable=False),
    sa.Column('day', sa.Date(), nullable=True),
    sa.Column('taken', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('what', name=op.f('pk_warm_up'))
    )
    op.add_column('relay', sa.Column('weight', sa.Integer(), server_default='100', nullable=False))
    op.add_column('relay', sa.Column('max_connections', sa.Integer(), server_default='0', nullable=False))
    op.add_column('relay', sa.Column('slowed', sa.Double(), server_default='1', nullable=False))
    op.add_column('relay', sa.Column('slowed_at_ms', sa.BigInteger(), server_default='0', nullable=False))
    op.add_column('relay', sa.Column('send_window', sa.JSON(), server_default='{}', nullable=False))
