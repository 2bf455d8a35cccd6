"""On which legal basis the readers of an imported file may be written to.

Revision ID: 0023
Revises: 0022
"""
import sqlalchemy as sa
from alembic import op


revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('reader_import', sa.Column('basis', sa.String(length=24), server_default='consent', nullable=False))
