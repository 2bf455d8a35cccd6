"""Approval as a conversation, and the zone of a time that somebody chose.

Revision ID: 0014
Revises: 0013
"""
import sqlalchemy as sa
from alembic import op


revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('review',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('issue_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(length=254), nullable=False),
    sa.Column('act', sa.String(length=16), nullable=False),
    sa.Column('word', sa.Text(), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['issue_id'], ['issue.id'], name=op.f('fk_review_issue_id_issue')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_review')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_review_issue_id'), 'review', ['issue_id'], unique=False)
    op.create_table('comment',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('issue_id', sa.Integer(), nullable=False),
    sa.Column('place', sa.String(length=64), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(length=254), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('settled_by', sa.String(length=254), nullable=False),
    sa.ForeignKeyConstraint(['issue_id'], ['issue.id'], name=op.f('fk_comment_issue_id_issue')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_comment')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_comment_issue_id'), 'comment', ['issue_id'], unique=False)
    op.add_column('issue', sa.Column('send_at_zone', sa.String(length=64), server_default='', nullable=False))
    op.add_column('issue', sa.Column('told_late_at', sa.DateTime(timezone=True), nullable=True))
