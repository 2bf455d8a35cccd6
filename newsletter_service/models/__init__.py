"""The schema and its allowed state moves, a file per feature.

Knows the database; knows no verbs, no web, no queue. Import the classes from here.
"""

from newsletter_service.models.base import (
    IllegalMove,
    begin_write,
    changed,
    engine_options,
    ledger,
    prepare_engine,
    writing,
)
from newsletter_service.models.bounces import (
    BounceEvent,
    BounceKind,
    BounceMailbox,
    BounceMessage,
    BounceRule,
    BounceState,
    BounceWave,
    ProviderCertificate,
    ProviderEvent,
)
from newsletter_service.models.clock import db_now_ms, ms_of, utc_of_ms
from newsletter_service.models.delivery import (
    Batch,
    Delivery,
    DeliveryState,
    Retry,
    SkipReason,
)
from newsletter_service.models.fields import FieldKind, FieldValue, ListField, Segment
from newsletter_service.models.findings import LetStand, LinkCheck, LinkOutcome
from newsletter_service.models.forms import FormSeen, FormSite, SignUpForm
from newsletter_service.models.imports import ImportLeft, ImportPart, ImportState, ReaderImport
from newsletter_service.models.issues import (
    Answers,
    Block,
    BlockKind,
    CountedLink,
    Edition,
    Issue,
    IssueState,
    IssueText,
)
from newsletter_service.models.journal import JournalEntry, JournalKind
from newsletter_service.models.limits import (
    EVERYTHING,
    OTHERS,
    Destination,
    DestinationGroup,
    Hold,
    Share,
    WarmUp,
    queue_hold,
)
from newsletter_service.models.lists import NewsletterList, Organisation
from newsletter_service.models.news import Item, Source, list_source
from newsletter_service.models.notices import Notice
from newsletter_service.models.people import AuditEvent, LoginSession, Person, Role
from newsletter_service.models.pictures import RemotePicture, StoredBytes, StoredFile
from newsletter_service.models.reviews import Comment, Review, ReviewAct
from newsletter_service.models.running import DoctorReport, Lease, Relay, SiteProbe
from newsletter_service.models.sign_ups import Lane, SignUp, SpentProof
from newsletter_service.models.subscribers import (
    AddressChange,
    ConsentEvent,
    ConsentKind,
    LegalBasis,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    Token,
    TokenPurpose,
    Wording,
)

__all__ = [
    "EVERYTHING",
    "OTHERS",
    "AddressChange",
    "Answers",
    "AuditEvent",
    "Batch",
    "Block",
    "BlockKind",
    "BounceEvent",
    "BounceKind",
    "BounceMailbox",
    "BounceMessage",
    "BounceRule",
    "BounceState",
    "BounceWave",
    "Comment",
    "ConsentEvent",
    "ConsentKind",
    "CountedLink",
    "Delivery",
    "DeliveryState",
    "Destination",
    "DestinationGroup",
    "DoctorReport",
    "Edition",
    "FieldKind",
    "FieldValue",
    "FormSeen",
    "FormSite",
    "Hold",
    "IllegalMove",
    "ImportLeft",
    "ImportPart",
    "ImportState",
    "Issue",
    "IssueState",
    "IssueText",
    "Item",
    "JournalEntry",
    "JournalKind",
    "Lane",
    "Lease",
    "LegalBasis",
    "LetStand",
    "LinkCheck",
    "LinkOutcome",
    "ListField",
    "LoginSession",
    "NewsletterList",
    "Notice",
    "Organisation",
    "Person",
    "ProviderCertificate",
    "ProviderEvent",
    "ReaderImport",
    "Relay",
    "RemotePicture",
    "Retry",
    "Review",
    "ReviewAct",
    "Role",
    "Segment",
    "Share",
    "SignUp",
    "SignUpForm",
    "SiteProbe",
    "SkipReason",
    "Source",
    "SpentProof",
    "StoredBytes",
    "StoredFile",
    "Subscriber",
    "Subscription",
    "SubscriptionState",
    "Suppression",
    "SuppressionReason",
    "Token",
    "TokenPurpose",
    "WarmUp",
    "Wording",
    "begin_write",
    "changed",
    "db_now_ms",
    "engine_options",
    "ledger",
    "list_source",
    "ms_of",
    "prepare_engine",
    "queue_hold",
    "utc_of_ms",
    "writing",
]
