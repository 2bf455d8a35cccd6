"""Fields of lists, their answers, and segments.

Revision ID: 0008
Revises: 0007
"""
import sqlalchemy as sa
from alembic import op


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('list_field',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('list_id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=40), nullable=False),
    sa.Column('label', sa.String(length=100), nullable=False),
    sa.Column('label_en', sa.String(length=100), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('choices', sa.JSON(), nullable=False),
    sa.Column('required', sa.Boolean(), nullable=False),
    sa.Column('shown', sa.Boolean(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['list_id'], ['list.id'], name=op.f('fk_list_field_list_id_list')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_list_field')),
    sa.UniqueConstraint('list_id', 'key', name=op.f('uq_list_field_list_id_key')),
    sqlite_autoincrement=True
    )
    op.create_table('field_value',
    sa.Column('subscription_id', sa.Integer(), nullable=False),
    sa.Column('field_id', sa.Integer(), nullable=False),
    sa.Column('value', sa.String(length=200), nullable=False),
    sa.Column('folded', sa.String(length=600), nullable=False),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscription.id'], name=op.f('fk_field_value_subscription_id_subscription'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['field_id'], ['list_field.id'], name=op.f('fk_field_value_field_id_list_field')),
    sa.PrimaryKeyConstraint('subscription_id', 'field_id', name=op.f('pk_field_value'))
    )
    op.create_index(op.f('ix_field_value_field_id_folded_subscription_id'), 'field_value', ['field_id', 'folded', 'subscription_id'])
    op.create_table('segment',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('list_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('definition', sa.JSON(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['list_id'], ['list.id'], name=op.f('fk_segment_list_id_list')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_segment')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_segment_list_id'), 'segment', ['list_id'])
