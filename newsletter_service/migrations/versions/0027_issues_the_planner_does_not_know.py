"""No statistics of which issue a delivery is of: they never know the one that is being sent.

Revision ID: 0027
Revises: 0026
"""
import sqlalchemy as sa
from alembic import op


revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None

# Where some were gathered they would stay, and never be renewed: better those that age.
WITHOUT_ANY = """
SELECT c.oid::regclass::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'delivery'::regclass AND NOT EXISTS (
  SELECT FROM pg_stats s JOIN pg_namespace n ON n.nspname = s.schemaname
  WHERE n.oid = c.relnamespace AND s.tablename = c.relname AND s.attname = 'issue_id')
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != 'postgresql':
        return
    for name in op.get_bind().execute(sa.text(WITHOUT_ANY)).scalars().all():
        op.execute(f'ALTER TABLE {name} ALTER COLUMN issue_id SET STATISTICS 0')
