"""What copies of a letter say of their reader, where the letter asks for it.

Revision ID: 0025
Revises: 0024
"""
import sqlalchemy as sa
from alembic import op


revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('personal_value',
    sa.Column('issue_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('n', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('key', sa.String(length=40), nullable=False),
    sa.Column('subscription_id', sa.Integer(), nullable=False),
    sa.Column('value', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscription.id'], name=op.f('fk_personal_value_subscription_id_subscription'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('issue_id', 'n', 'key', name=op.f('pk_personal_value'))
    )
    op.create_index(op.f('ix_personal_value_subscription_id'), 'personal_value', ['subscription_id'])
