"""Pauses, legal bases, the words people were shown, and proofs that cannot be changed.

Revision ID: 0009
Revises: 0008
"""
import sqlalchemy as sa
from alembic import op


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

# Retention takes the network address and the browser away; nothing else is ever changed.
KEPT = ('id', 'subscriber_id', 'subscription_id', 'kind', 'at', 'channel', 'address_as_typed',
        'form', 'wording', 'locale')
SAYS = 'a consent event is never changed; append another one'

SQLITE = f"""
CREATE TRIGGER consent_event_append_only BEFORE UPDATE ON consent_event
WHEN NOT (NEW.ip IN ('', OLD.ip) AND NEW.user_agent IN ('', OLD.user_agent)
  AND {' AND '.join(f'NEW.{name} IS OLD.{name}' for name in KEPT)} AND NEW.detail IS OLD.detail)
BEGIN SELECT RAISE(ABORT, '{SAYS}'); END
"""
POSTGRESQL = f"""
CREATE FUNCTION consent_event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{SAYS}'; END $$;
CREATE TRIGGER consent_event_append_only BEFORE UPDATE ON consent_event FOR EACH ROW
WHEN (NOT (NEW.ip IN ('', OLD.ip) AND NEW.user_agent IN ('', OLD.user_agent)
  AND {' AND '.join(f'NEW.{name} IS NOT DISTINCT FROM OLD.{name}' for name in KEPT)}
  AND NEW.detail::text = OLD.detail::text))
EXECUTE FUNCTION consent_event_append_only()
"""


def upgrade() -> None:
    op.add_column('subscription', sa.Column('legal_basis', sa.String(length=24), server_default='consent', nullable=False))
    op.add_column('subscription', sa.Column('basis_evidence', sa.String(length=500), server_default='', nullable=False))
    op.add_column('subscription', sa.Column('paused_until_ms', sa.BigInteger(), nullable=True))
    # Until now every reader confirmed by a link, or was imported with evidence of consent; so does
    # whoever comes through processes of the version before, which do not name the column.
    op.execute("UPDATE subscription SET legal_basis = '' WHERE confirmed_at IS NULL")
    op.create_index(op.f('ix_subscription_paused_until_ms'), 'subscription', ['paused_until_ms'], unique=False)
    op.add_column('organisation', sa.Column('privacy', sa.JSON(), server_default='{}', nullable=False))
    op.create_table('wording',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('locale', sa.String(length=5), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('first_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_wording'))
    )
    op.create_table('address_change',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('subscriber_id', sa.Integer(), nullable=False),
    sa.Column('address', sa.String(length=254), nullable=False),
    sa.Column('address_key', sa.LargeBinary(length=32), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['subscriber_id'], ['subscriber.id'], name=op.f('fk_address_change_subscriber_id_subscriber')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_address_change')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_address_change_subscriber_id'), 'address_change', ['subscriber_id'], unique=False)
    op.execute(SQLITE if op.get_bind().dialect.name == 'sqlite' else POSTGRESQL)
