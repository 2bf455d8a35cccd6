"""Where the accessibility statement is, and whether DIGG watches over it.

Revision ID: 0019
Revises: 0018
"""
import sqlalchemy as sa
from alembic import op


revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('organisation', sa.Column('accessibility_url', sa.String(length=500), server_default='', nullable=False))
    op.add_column('organisation', sa.Column('public_body', sa.Boolean(), server_default=sa.false(), nullable=False))
