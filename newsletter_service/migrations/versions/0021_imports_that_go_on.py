"""Imports that go on where they were.

Revision ID: 0021
Revises: 0020
"""
import sqlalchemy as sa
from alembic import op


revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('reader_import',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('list_id', sa.Integer(), nullable=False),
    sa.Column('file_name', sa.String(length=200), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('encoding', sa.String(length=16), nullable=False),
    sa.Column('columns', sa.JSON(), nullable=False),
    sa.Column('confirmed', sa.Boolean(), nullable=False),
    sa.Column('evidence', sa.String(length=2000), nullable=False),
    sa.Column('dry', sa.Boolean(), nullable=False),
    sa.Column('actor', sa.String(length=254), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('rows_total', sa.Integer(), nullable=True),
    sa.Column('rows_done', sa.Integer(), nullable=False),
    sa.Column('taken', sa.Integer(), nullable=False),
    sa.Column('reasons', sa.JSON(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('error', sa.String(length=32), nullable=False),
    sa.Column('error_line', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['list_id'], ['list.id'], name=op.f('fk_reader_import_list_id_list')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reader_import')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_reader_import_state'), 'reader_import', ['state'])
    op.create_table('import_part',
    sa.Column('import_id', sa.Integer(), nullable=False),
    sa.Column('n', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['import_id'], ['reader_import.id'], name=op.f('fk_import_part_import_id_reader_import')),
    sa.PrimaryKeyConstraint('import_id', 'n', name=op.f('pk_import_part'))
    )
    op.create_table('import_left',
    sa.Column('import_id', sa.Integer(), nullable=False),
    sa.Column('rows_before', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('rows', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['import_id'], ['reader_import.id'], name=op.f('fk_import_left_import_id_reader_import')),
    sa.PrimaryKeyConstraint('import_id', 'rows_before', name=op.f('pk_import_left'))
    )
