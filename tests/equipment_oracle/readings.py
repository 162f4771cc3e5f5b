"""Where the rules leave two readings: which one the oracle takes, and why. `READINGS` is what a reviewer has to
settle.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """`where` is a section of the rules; `taken` and `other` are the two readings."""

    where: str
    taken: str
    other: str
    why: str


READINGS: tuple[Reading, ...] = (
    Reading(
        "Values",
        "a period has the length in force on the day it starts (Order Date, ship, approval or notice day)",
        "in force on the day it is judged",
        "'the day of the act': what starts the period is the act",
    ),
    Reading(
        "Values",
        "a policy value takes effect after the day it is set, and once for a day",
        "back-dating is allowed; of two for one day the last one set holds",
        "a decided amount must not change under the Account",
    ),
    Reading(
        "3.1",
        "any one-off or recurring amount above credits frees the Unit; over-credited counts as without charge",
        "exactly zero",
        "a negative sum is no charge either",
    ),
    Reading(
        "3.2",
        "a wrong_item Unit starts at max(ship date, min(own Activation, Order Date + 30)), so from its ship date "
        "to its receipt both Units can be in term and owe two fees",
        "its start waits for receipt",
        "literal; the outcome looks unintended, please settle",
    ),
    Reading(
        "3.2",
        "length and fee of a wrong_item Unit are those of the Order Date",
        "of its ship date",
        "it counts as a first Unit of the original order",
    ),
    Reading(
        "3.2",
        "a first Unit the carrier reports lost, refused or returned has no term; the line gets another shipment",
        "its term runs from Order Date + 30",
        "3.1 binds a Unit received",
    ),
    Reading(
        "3.3",
        "receipt = min(proof, first registration or activation from the Account, ship date + 10), recomputed with "
        "what is known; ship date + 10 also holds for future dates of a quote",
        "ship date + 10 only once nothing has come by then",
        "worked cases 9 and 10; the same result on every date",
    ),
    Reading(
        "3.3",
        "a lost shipment with evidence of arrival is contradictory: after arrival the carrier's failure is "
        "refused, after the failure proof, registration and activation are",
        "the last one known wins",
        "an illegal step changes nothing",
    ),
    Reading(
        "3.3",
        "each replacement shipment supersedes; a repaired Unit sent back supersedes its own former term at receipt",
        "a repaired Unit's old term is over when it leaves",
        "'until then it runs'",
    ),
    Reading(
        "3.4",
        "service belongs to the line of the Order Form: replacements take it over, and it ends for all Units of "
        "the line at once",
        "each Unit has its own service",
        "swap moves lines, numbers and location; no Unit keeps a service of its own",
    ),
    Reading(
        "3.4",
        "a Unit received after its service ended has not begun its term, now or later: no fee",
        "the new term owes at the Account's end",
        "'whose term has begun on the date its service ends'",
    ),
    Reading(
        "3.4",
        "the fee is charged at the end instant; a trial return that proves timely later credits it",
        "the fee waits for the trial deadline",
        "'after a timely trial return': only an inspection makes it one",
    ),
    Reading(
        "3.4",
        "in the operator's hands: from receipt date to the date it leaves repaired, both included; a blind return "
        "counts from its receipt once matched; restocked for others still counts; a repaired Unit lost on the way "
        "has not left",
        "only between the instants",
        "'that day'; risk of our own shipment is ours",
    ),
    Reading(
        "3.4",
        "a waiver (30.b within 30 days of the change, 32.c after more than 10 days) is claimed for one standing "
        "notice, also after its effect (then a credit)",
        "a waiver frees every later end",
        "the waiver belongs to the end it excuses",
    ),
    Reading(
        "4",
        "a Unit of the Account's own that is here for repair when its service ends is sent home all the same",
        "nothing is sent any more",
        "it is theirs; it has no term, and brings no service back",
    ),
    Reading(
        "3.5",
        "paid = charged and not credited; the Unit owes max(fee, replacement value) in all; payments do not matter"
        " here",
        "only money received counts",
        "billing is another system's; the sum is the same",
    ),
    Reading(
        "3.5",
        "each obligation (fee of a placement; overdue and damage of an RMA; refunds) is first decided at its due "
        "instant and from then on only falls, also with a series of contradictory evidence",
        "recomputed freely",
        "'may only lower'",
    ),
    Reading(
        "3.5",
        "a credit names the newest charge of that placement that is not credited yet, then the next",
        "the oldest",
        "the value's credit then names the value's charge",
    ),
    Reading(
        "3.5",
        "fee and replacement value due at one instant: value first, so one charge of the value",
        "fee first, then the difference",
        "3.1: with the value charged there is no term; the sum is the same",
    ),
    Reading(
        "3.5",
        "replacement value credited in full after a fee was charged leaves the fee; where the value came first no "
        "fee is raised, then or later",
        "the fee comes back",
        "evidence known later may only lower",
    ),
    Reading(
        "3.6",
        "a quote takes an ordinary end by the Account, or the end that is decided if it falls before the date "
        "asked for",
        "always as if nothing were pending",
        "'holds for the facts known'",
    ),
    Reading(
        "4",
        "10 days with replacement value: cancellation_return of leased Units and advance RMAs of any Unit whose "
        "replacement has left and is not lost; not other RMAs of leased Units",
        "every RMA of a leased Unit; no bought Unit replaced in advance",
        "'Leased and advance-REPLACED Units'",
    ),
    Reading(
        "4",
        "overdue at 00:00 after the deadline, at once; a receipt without a scan within 5 days more then credits it",
        "the charge waits for the 5 days",
        "'10 days, then replacement value is charged'; settled",
    ),
    Reading(
        "4",
        "30 days for the late credit count from the day the value is charged; received within them, inspected whenever",
        "from the deadline",
        "'charged; credited ... within 30 days after'",
    ),
    Reading(
        "4",
        "sound (late credit) = inspected and not damaged by the Account or another party",
        "finding 'sound' only",
        "a defect Unit cannot come back without its defect",
    ),
    Reading(
        "4",
        "a scan in time settles the deadline for good, even if the Unit never arrives; a scan that is late makes "
        "even an early receipt late",
        "receipt is needed as well",
        "the carrier's acceptance decides",
    ),
    Reading(
        "4",
        "shipping and handling: once per defect RMA of Operator Equipment, when its first replacement or repaired "
        "Unit leaves; none for Customer Equipment, wrong_item or first Units",
        "once per shipment; whoever owns the Unit",
        "a loss by the carrier is not the Account's act",
    ),
    Reading(
        "4",
        "inspection 'damaged' of a defect of Operator Equipment charges the value; a replacement in advance stays; "
        "on receipt nothing is sent",
        "the replacement is called back",
        "'not if': neither repair nor replacement",
    ),
    Reading(
        "4",
        "trial_return refund only for bought Units: one_off less credits less restocking fee, never below 0, one "
        "refund event, value of the inspection day; without a standing notice there is no deadline and no refund "
        "yet",
        "price refund and fee as two events",
        "'price back less restocking fee'",
    ),
    Reading(
        "4",
        "one live RMA per Unit; a Unit replaced or back under an RMA opens no other; defect only while its service "
        "lasts; the system's own comes beside another",
        "several side by side",
        "a Unit can come back only once",
    ),
    Reading(
        "5",
        "the effect of a notice is decided once, on what is known when it comes, and confirmed; later evidence "
        "does not move it",
        "recomputed",
        "a confirmed date stands",
    ),
    Reading(
        "5",
        "the next billing date is after the notice's local day; billing day = the Account's first Activation; "
        "before it there is no next bill and every notice is timely",
        "a notice on the billing day is for that bill",
        "billing starts at Activation",
    ),
    Reading(
        "5",
        "a timely notice that asks for a date after the next billing date (and after the 72 hours) does not avoid "
        "that bill",
        "timely avoids it anyway",
        "service in that period is wanted",
    ),
    Reading(
        "5",
        "a second notice replaces a pending first one altogether, whatever Units either names; at its effect "
        "instant a notice is no longer pending",
        "only for the same Units",
        "'a second notice replaces the first'",
    ),
    Reading(
        "5",
        "annual plan: periods of 12 months, billed and renewed yearly",
        "an annual commitment billed monthly",
        "'days of the paid period', price in one",
    ),
    Reading(
        "5",
        "annual refund per order when notices have ended all its Units, each fact by the last of them; ended by "
        "the operator or by removed lines: none; remaining charges are billing's, no event here",
        "pro rata per Unit",
        "the rules give a price, not a share",
    ),
    Reading(
        "5",
        "every reactivation, for whatever reason suspended, needs full payment and the reconnect fee, charged at "
        "that instant",
        "only after non-payment",
        "literal; settled",
    ),
    Reading(
        "5",
        "termination for a breach is possible from 00:00 after the last day; the first written notice counts; a "
        "reactivation clears one for non-payment",
        "at the end of the last day's business hours",
        "'the whole of the last day'",
    ),
    Reading(
        "4",
        "a Unit found sound may be sent back, or replaced, under its defect RMA all the same",
        "only one found defect",
        "the operator's choice; only damage rules it out",
    ),
    Reading(
        "1",
        "a shipment's proof comes once; more registrations and activations are harmless, the first counts",
        "a second proof is logged",
        "delivered is a state of the track",
    ),
)
