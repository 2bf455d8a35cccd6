"""Figures of old issues, kept when their deliveries go; the next batch to claim by an index.

<<<<<<<< HEAD:newsletter_service/migrations/versions/0022_figures_of_old_issues.py
Revision ID: 0022
Revises: 0021
========
Revision ID: 0020
Revises: 0019
>>>>>>>> 71af86c (Say that a relay hides what readers' servers answer, and hold every fault of a relay, a full disk and a wrong clock against the ledger):newsletter_service/migrations/versions/0020_figures_of_old_issues.py
"""
import sqlalchemy as sa
from alembic import op


<<<<<<<< HEAD:newsletter_service/migrations/versions/0022_figures_of_old_issues.py
revision = '0022'
down_revision = '0021'
========
revision = '0020'
down_revision = '0019'
>>>>>>>> 71af86c (Say that a relay hides what readers' servers answer, and hold every fault of a relay, a full disk and a wrong clock against the ledger):newsletter_service/migrations/versions/0020_figures_of_old_issues.py
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('issue', sa.Column('figures', sa.JSON(none_as_null=True), nullable=True))
    op.create_index(
        'ix_batch_claimable',
        'batch',
        ['not_before_ms', 'id'],
        sqlite_where=sa.text("done IS 0 AND owner = ''"),
        postgresql_where=sa.text("done IS false AND owner = ''"),
    )
