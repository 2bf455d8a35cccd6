"""How many an issue would have gone to when somebody planned it.

Revision ID: 0026
Revises: 0025
"""
import sqlalchemy as sa
from alembic import op


revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('issue', sa.Column('planned_reach', sa.Integer(), nullable=True))
