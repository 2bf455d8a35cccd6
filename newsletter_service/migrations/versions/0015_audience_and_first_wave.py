"""Whom an issue is for, and a first wave before the rest.

Revision ID: 0015
Revises: 0014
"""
import sqlalchemy as sa
from alembic import op


revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('issue', sa.Column('segment_id', sa.Integer(), nullable=True))
    op.add_column('issue', sa.Column('selection', sa.JSON(), server_default='{}', nullable=False))
    op.add_column('issue', sa.Column('canary', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('issue', sa.Column('canary_n', sa.Integer(), server_default='0', nullable=False))
    op.add_column('issue', sa.Column('canary_until', sa.DateTime(timezone=True), nullable=True))
    op.add_column('issue', sa.Column('canary_halted_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('issue', sa.Column('canary_passed_at', sa.DateTime(timezone=True), nullable=True))
