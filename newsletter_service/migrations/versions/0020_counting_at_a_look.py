"""What pages count at every look, from indexes and kept numbers.

Revision ID: 0020
Revises: 0019
"""
import sqlalchemy as sa
from alembic import op


revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f('ix_subscription_list_id_state_confirmed_at_legal_basis'), 'subscription', ['list_id', 'state', 'confirmed_at', 'legal_basis'], unique=False)
    op.create_index('ix_consent_event_withdrawn_at', 'consent_event', ['at'], unique=False, sqlite_where=sa.text("kind = 'withdrawn'"), postgresql_where=sa.text("kind = 'withdrawn'"))
    op.add_column('issue', sa.Column('skipped_by', sa.JSON(), server_default='{}', nullable=False))
