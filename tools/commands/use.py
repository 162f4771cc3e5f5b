"""`plugtone use`: which accounts use their service out of pattern, and what a person found."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tools.client import FleetClient
from tools.commands.number import ReasonOption
from tools.commands.presentation import JsonOption, show_list, show_one

use = typer.Typer(no_args_is_help=True, add_completion=False)
review = typer.Typer(no_args_is_help=True, add_completion=False)
use.add_typer(review, name="review")

ReviewArgument = Annotated[str, typer.Argument(metavar="REVIEW", help="As UR-1.")]
COLUMNS = (
    "id",
    "account",
    "month",
    "plan",
    "evidence.minutes",
    "evidence.limit_minutes",
    "evidence.accounts",
    "outcome",
)


@use.callback()
def describe() -> None:
    """See whose use is out of pattern."""


@review.callback()
def describe_reviews() -> None:
    """List the accounts that exceed what their plan's accounts use, and say what each is."""


@review.command("list")
def list_reviews(
    month: Annotated[str | None, typer.Option(help="As 2027-01.")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only those nobody has decided yet.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the accounts out of pattern, of a month those with the most use first.

    Example: plugtone use review list --open
    """
    wanted: dict[str, Any] = {"open_only": open_only} | ({} if month is None else {"month": month})
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/use-reviews", **wanted), COLUMNS, as_json)


@review.command("show")
def show(review_id: ReviewArgument, as_json: JsonOption = False) -> None:
    """Show the evidence of one review.

    Example: plugtone use review show UR-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/use-reviews/{review_id.upper()}"), as_json)


@review.command("decide")
def decide(
    review_id: ReviewArgument,
    found: Annotated[str, typer.Option("--as", help="What you found: reasonable, excessive or fraud.")],
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Say what you found; it does nothing by itself: suspend and block are commands of their own.

    Example: plugtone use review decide UR-1 --as reasonable --reason "a call centre in its busy month"
    """
    with FleetClient.from_environment() as fleet:
        body = {"outcome": found, "reason": reason}
        show_one(fleet.post(f"/v1/use-reviews/{review_id.upper()}/decide", body), as_json)
