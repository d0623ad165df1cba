"""The closed lists of words that tables and plans may use; one word per thing."""

from typing import Final

CHANNELS: Final = ("sms", "call", "voicemail", "voicebot", "email", "app_push", "im", "letter", "visit")
DIRECTIONS: Final = ("out", "in")
PAYMENT_KINDS: Final = ("payment", "reversal", "refund", "waiver")
OUTCOMES: Final = (
    "not_connected", "busy", "no_answer", "voicemail_left", "answered_wrong_party", "conversation",
    "sent", "delivered", "bounced", "read", "replied", "clicked",
)  # fmt: skip
FAILED_OUTCOMES: Final = ("not_connected", "bounced", "answered_wrong_party")
REACHED_OUTCOMES: Final = ("conversation", "read", "replied", "clicked")
DELIVERED_OUTCOMES: Final = ("delivered", "read", "replied", "clicked", "voicemail_left", "conversation")
CONTACT_POINT_KINDS: Final = ("personal", "home", "workplace", "other")

# What changes what may be done. "resolved" ends what was opened before it for the same borrower (and loan, if named).
STATUS_KINDS: Final = (
    "opt_out", "opt_in", "complaint", "dispute", "hardship", "promise", "promise_kept", "promise_broken", "attorney", "cease",
    "bankruptcy", "deceased", "moratorium", "vulnerable", "identity_theft", "hospitalised", "disaster", "minor",
    "closed", "written_off", "sold", "recalled", "bureau_reported", "override", "resolved", "offer_accepted",
)  # fmt: skip
# Kinds under which nobody may be dunned until they are resolved or have run out.
STOP_KINDS: Final = (
    "cease", "attorney", "bankruptcy", "deceased", "moratorium", "vulnerable", "identity_theft", "hospitalised", "disaster",
    "minor",
)  # fmt: skip
# Kinds that take a loan out of what is collected here.
LOAN_ENDING_KINDS: Final = ("closed", "written_off", "sold", "recalled")
