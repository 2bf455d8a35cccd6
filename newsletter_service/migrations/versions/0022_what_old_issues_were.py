"""The numbers of issues whose copies are removed.

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
    op.create_table('kept_statement',
    sa.Column('issue_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('numbers', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('issue_id', name=op.f('pk_kept_statement'))
    )
