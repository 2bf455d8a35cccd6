"""What the news desk knows: folds, embargoes, what was sent in, and why a block stands there.

Revision ID: 0011
Revises: 0010
"""
import sqlalchemy as sa
from alembic import op


revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('item') as batch:
        batch.add_column(sa.Column('folded_into_id', sa.Integer(), nullable=True))
        batch.add_column(sa.Column('stands_alone', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column('compared', sa.Boolean(), nullable=False, server_default=sa.true()))
        batch.add_column(sa.Column('embargo_until', sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column('held_at', sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column('own_tags', sa.JSON(), nullable=False, server_default='[]'))
        batch.create_index(op.f('ix_item_compared'), ['compared'])
        batch.create_index(op.f('ix_item_folded_into_id'), ['folded_into_id'])
    with op.batch_alter_table('block') as batch:
        batch.add_column(sa.Column('why', sa.String(length=100), nullable=False, server_default=''))
