"""What counting segments asks for.

Revision ID: 0010
Revises: 0009
"""
from alembic import op


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f('ix_bounce_event_subscriber_id_at'), 'bounce_event', ['subscriber_id', 'at'])
