"""Issues that the last check holds back at their time.

Revision ID: 0024
Revises: 0023
"""
import sqlalchemy as sa
from alembic import op


revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('issue', sa.Column('held_at', sa.DateTime(timezone=True), nullable=True))
