"""Figures of old issues, kept when their deliveries go; the next batch to claim by an index.

Revision ID: 0022
Revises: 0021
"""
import sqlalchemy as sa
from alembic import op


revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('issue', sa.Column('figures', sa.JSON(none_as_null=True), nullable=True))
    op.create_index(
        'ix_batch_claimable',
        'batch',
        ['not_before_ms', 'id'],
        sqlite_where=sa.text("done IS 0 AND owner = ''"),
        postgresql_where=sa.text("done IS false AND owner = ''"),
    )
