"""How addresses answered, what somebody let stand, and blocks of one language.

Revision ID: 0012
Revises: 0011
"""
import sqlalchemy as sa
from alembic import op


revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('link_check',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('url_key', sa.String(length=64), nullable=False),
    sa.Column('url', sa.String(length=2000), nullable=False),
    sa.Column('tried_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('outcome', sa.String(length=16), nullable=False),
    sa.Column('status', sa.Integer(), nullable=False),
    sa.Column('final_url', sa.String(length=2000), nullable=False),
    sa.Column('kind', sa.String(length=100), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('width', sa.Integer(), nullable=True),
    sa.Column('height', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_link_check')),
    sa.UniqueConstraint('url_key', name=op.f('uq_link_check_url_key')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_link_check_tried_at'), 'link_check', ['tried_at'])
    op.create_table('let_stand',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('issue_id', sa.Integer(), nullable=False),
    sa.Column('rule', sa.String(length=40), nullable=False),
    sa.Column('place', sa.String(length=40), nullable=False),
    sa.Column('mark', sa.String(length=64), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('actor', sa.String(length=254), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['issue_id'], ['issue.id'], name=op.f('fk_let_stand_issue_id_issue')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_let_stand')),
    sa.UniqueConstraint('issue_id', 'mark', name=op.f('uq_let_stand_issue_id_mark')),
    sqlite_autoincrement=True
    )
    op.add_column('issue', sa.Column('links_tried_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('block', sa.Column('only_locale', sa.String(length=5), server_default='',
                                     nullable=False))
