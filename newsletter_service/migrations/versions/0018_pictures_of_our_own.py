"""Pictures and files of our own, and the pictures elsewhere that become ours.

Revision ID: 0018
Revises: 0017
"""
import sqlalchemy as sa
from alembic import op


revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('stored_file',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=32), nullable=False),
    sa.Column('mime', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('alt', sa.String(length=500), nullable=False),
    sa.Column('width', sa.Integer(), nullable=False),
    sa.Column('height', sa.Integer(), nullable=False),
    sa.Column('story_height', sa.Integer(), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('uploaded', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('kept_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stored_file')),
    sa.UniqueConstraint('key', name=op.f('uq_stored_file_key')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_stored_file_uploaded_created_at'), 'stored_file', ['uploaded', 'created_at'])
    op.create_table('stored_bytes',
    sa.Column('file_id', sa.Integer(), nullable=False),
    sa.Column('form', sa.String(length=8), nullable=False),
    sa.Column('mime', sa.String(length=40), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['file_id'], ['stored_file.id'], name=op.f('fk_stored_bytes_file_id_stored_file')),
    sa.PrimaryKeyConstraint('file_id', 'form', name=op.f('pk_stored_bytes'))
    )
    op.create_table('remote_picture',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('url_key', sa.LargeBinary(length=32), nullable=False),
    sa.Column('url', sa.String(length=2000), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('error', sa.String(length=40), nullable=False),
    sa.Column('file_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['file_id'], ['stored_file.id'], name=op.f('fk_remote_picture_file_id_stored_file')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_remote_picture')),
    sa.UniqueConstraint('url_key', name=op.f('uq_remote_picture_url_key')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_remote_picture_due_at'), 'remote_picture', ['due_at'])
    op.create_index(op.f('ix_remote_picture_file_id'), 'remote_picture', ['file_id'])
