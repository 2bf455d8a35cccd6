"""Sign-ups wait as rows, and proofs of work open the door once.

Revision ID: 0013
Revises: 0012
"""
import sqlalchemy as sa
from alembic import op


revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('spent_proof',
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_spent_proof'))
    )
    op.create_index('ix_spent_proof_expires_at', 'spent_proof', ['expires_at'], unique=False)

    op.create_table('sign_up',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('list_id', sa.Integer(), nullable=False),
    sa.Column('address', sa.String(length=254), nullable=False),
    sa.Column('address_key', sa.LargeBinary(length=32), nullable=False),
    sa.Column('domain', sa.String(length=255), nullable=False),
    sa.Column('locale', sa.String(length=5), nullable=False),
    sa.Column('lane', sa.String(length=16), nullable=False),
    sa.Column('channel', sa.String(length=32), nullable=False),
    sa.Column('ip', sa.String(length=45), nullable=False),
    sa.Column('user_agent', sa.String(length=300), nullable=False),
    sa.Column('form', sa.String(length=500), nullable=False),
    sa.Column('wording', sa.String(length=64), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['list_id'], ['list.id'], name=op.f('fk_sign_up_list_id_list')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_up')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_sign_up_address_key', 'sign_up', ['address_key'], unique=False)
    op.create_index('ix_sign_up_due', 'sign_up', ['lane', 'due_at'], unique=False)

