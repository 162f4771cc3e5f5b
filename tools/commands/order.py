"""`plugtone order`: take orders and ship them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from tools.client import FleetClient
from tools.commands.presentation import JsonOption, show_list, show_one
from tools.commands.rma import AtOption, instant
from tools.commands.unit import AdministratorOption

order = typer.Typer(no_args_is_help=True, add_completion=False)

OrderArgument = Annotated[str, typer.Argument(metavar="ORDER", help="As OR-1.")]
SerialArgument = Annotated[str, typer.Argument(help="The serial number of the unit in the parcel.")]


@order.callback()
def describe() -> None:
    """Take orders for adapters and ship them."""


@order.command("list")
def list_orders(as_json: JsonOption = False) -> None:
    """List the orders in your scope.

    Example: plugtone order list
    """
    with FleetClient.from_environment() as fleet:
        show_list(fleet.items("/v1/orders"), ("id", "account", "order_date", "plan", "distributor"), as_json)


@order.command("show")
def show(order_id: OrderArgument, as_json: JsonOption = False) -> None:
    """Show one order and how much of it was shipped.

    Example: plugtone order show OR-1
    """
    with FleetClient.from_environment() as fleet:
        show_one(fleet.get(f"/v1/orders/{order_id}"), as_json)


@order.command("create")
def create(
    account: Annotated[str, typer.Option(help="The account, as AC-1.")],
    quantity: Annotated[int, typer.Option(min=1, help="How many units.")],
    board: Annotated[str, typer.Option(help="Which board.")] = "simulated",
    unit_price_cents: Annotated[int, typer.Option(min=0, help="For one unit, before tax.")] = 0,
    recurring_cents: Annotated[int, typer.Option(min=0, help="For one unit, each bill: it is rented.")] = 0,
    credit_cents: Annotated[int, typer.Option(min=0, help="Taken off the price of one unit.")] = 0,
    ownership: Annotated[
        str | None,
        typer.Option(help="operator, leased or customer: whose the units are; if bought, the customer's."),
    ] = None,
    plan: Annotated[str, typer.Option(help="monthly or annual: how the service is billed.")] = "monthly",
    plan_price_cents: Annotated[int, typer.Option(min=0, help="For one paid period of the service.")] = 0,
    distributor: Annotated[str | None, typer.Option(help="Who sold it, as DI-1; we if not given.")] = None,
    location: Annotated[str | None, typer.Option(help="Where the units will be, for 911.")] = None,
    acknowledged: Annotated[bool, typer.Option("--acknowledged", help="The 911 disclosure is acknowledged.")] = False,
    administrator: AdministratorOption = None,
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When it was placed; today at the operator's.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Take an order of one line. With a location and the disclosure acknowledged, plugging in needs nobody.

    Example: plugtone order create --account AC-1 --quantity 3 --location "1 Main St, Springfield" --acknowledged
    """
    line = {
        "board": board,
        "quantity": quantity,
        "unit_price_cents": unit_price_cents,
        "recurring_cents": recurring_cents,
        "credit_cents": credit_cents,
        "ownership": ownership,
    }
    body: dict[str, Any] = {
        "account": account,
        "order_date": date.date().isoformat() if date else None,
        "plan": plan,
        "plan_price_cents": plan_price_cents,
        "distributor": distributor,
        "lines": [line],
    }
    if location is not None:
        said = {"address": location, "disclosure_acknowledged": acknowledged, "administrator": administrator}
        body["location"] = said
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post("/v1/orders", body), as_json)


@order.command("ship")
def ship(
    order_id: OrderArgument,
    serials: Annotated[list[str], typer.Argument(help="The units' serial numbers, all in stock.")],
    carrier: Annotated[str, typer.Option(help="Who carries the parcel.")],
    tracking: Annotated[str, typer.Option(help="The carrier's number.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Ship units from stock to the order's account: all of them or none.

    Example: plugtone order ship OR-1 PT000000018 PT000000026 --carrier UPS --tracking 1Z999
    """
    body = {"serials": serials, "carrier": carrier, "tracking": tracking}
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/orders/{order_id}/ship", body), as_json)


@order.command("delivered")
def delivered(serial: SerialArgument, at: AtOption = None, as_json: JsonOption = False) -> None:
    """Record the carrier's proof that a parcel arrived, whenever it turns up.

    Example: plugtone order delivered PT000000018 --at 2026-11-22T15:04:00
    """
    _report(serial, "deliver", {"at": instant(at)}, as_json)


@order.command("lost")
def lost(
    serial: SerialArgument,
    outcome: Annotated[str, typer.Option(help="lost, refused or returned")],
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record that a parcel did not arrive; its order waits for another unit.

    Example: plugtone order lost PT000000018 --outcome refused
    """
    _report(serial, "lose", {"at": instant(at), "outcome": outcome}, as_json)


def _report(serial: str, step: str, body: dict[str, str], as_json: bool) -> None:
    with FleetClient.from_environment() as fleet:
        show_one(fleet.post(f"/v1/shipments/{serial}/{step}", body), as_json)
