"""Orders and receipts that somebody forged."""

# What tests/demo/forge.c makes, and the words of the rule by which it must be refused.
FORGED = {
    "two-of-five": "fewer than a majority of the jurors",
    "counted-twice": "a signer is counted twice",
    "other-cluster": "of another roster",
    "relabelled": "a signature does not verify",
    "earlier-epoch": "of another roster",
    "later-epoch": "of another roster",
    "other-life": "a signature does not verify",
    "no-order": "a receipt proves nothing without its certified order",
}
