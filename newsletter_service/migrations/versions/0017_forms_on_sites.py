"""Forms that other sites carry: how they look, where they may stand, when they were used.

Revision ID: 0017
Revises: 0016
"""
import sqlalchemy as sa
from alembic import op


revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('form_site',
    sa.Column('origin', sa.String(length=255), nullable=False),
    sa.Column('added_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('added_by', sa.String(length=254), nullable=False),
    sa.PrimaryKeyConstraint('origin', name=op.f('pk_form_site'))
    )
    op.create_table('form_seen',
    sa.Column('list_id', sa.Integer(), nullable=False),
    sa.Column('locale', sa.String(length=5), nullable=False),
    sa.Column('way', sa.String(length=16), nullable=False),
    sa.Column('site', sa.String(length=255), nullable=False),
    sa.Column('first_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['list_id'], ['list.id'], name=op.f('fk_form_seen_list_id_list')),
    sa.PrimaryKeyConstraint('list_id', 'locale', 'way', 'site', name=op.f('pk_form_seen'))
    )
    op.create_table('sign_up_form',
    sa.Column('list_id', sa.Integer(), nullable=False),
    sa.Column('locale', sa.String(length=5), nullable=False),
    sa.Column('accent', sa.String(length=7), nullable=False),
    sa.Column('paper', sa.String(length=7), nullable=False),
    sa.Column('corners', sa.String(length=8), nullable=False),
    sa.Column('font', sa.String(length=8), nullable=False),
    sa.Column('return_url', sa.String(length=500), nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('saved_by', sa.String(length=254), nullable=False),
    sa.ForeignKeyConstraint(['list_id'], ['list.id'], name=op.f('fk_sign_up_form_list_id_list')),
    sa.PrimaryKeyConstraint('list_id', 'locale', name=op.f('pk_sign_up_form'))
    )

    op.add_column('sign_up', sa.Column('answers', sa.JSON(), server_default='{}', nullable=False))

