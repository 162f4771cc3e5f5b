"""The names of what the audit log records, as `subject:action`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleet.domain.access import Permission


class AuditAction(StrEnum):
    """Append only; a name once written in the log keeps its meaning."""

    MAC_BLOCK_ADD = "mac_block:add"
    MAC_LEASE_TAKE = "mac_lease:take"
    MAC_LEASE_REPORT = "mac_lease:report"
    MAC_LEASE_REFUSE = "mac_lease:refuse"
    MAC_LEASE_SETTLE = "mac_lease:settle"
    MAC_LEASE_WRITE_OFF = "mac_lease:write_off"
    UNIT_IMPORT = "unit:import"
    UNIT_ALLOCATE = "unit:allocate"
    UNIT_CERTIFY = "unit:certify"
    UNIT_STOCK = "unit:stock"
    UNIT_AUTHORIZE = "unit:authorize"
    UNIT_REPRINT_LABEL = "unit:reprint_label"
    SHIFT_BEGIN = "shift:begin"
    UNIT_REGISTER = "unit:register"
    UNIT_ACTIVATE = "unit:activate"
    UNIT_REVOKE = "unit:revoke"
    UNIT_QUARANTINE = "unit:quarantine"
    UNIT_COMMAND = "unit:command"
    UNIT_CLEAR = "unit:clear"
    UNIT_CLAIM = "unit:claim"
    UNIT_REMOVE_LINE = "unit:remove_line"
    CLONE_ALARM_RAISE = "clone_alarm:raise"
    CLONE_ALARM_RESOLVE = "clone_alarm:resolve"
    UNIT_CONFIGURE = "unit:configure"
    UNIT_CHOOSE_CHANNEL = "unit:choose_channel"
    UNIT_BEGIN_EPOCH = "unit:begin_epoch"
    UNIT_SCRAP = "unit:scrap"
    REFURBISHING_OPEN = "refurbishing:open"
    REFURBISHING_REPAIR = "refurbishing:repair"
    REFURBISHING_WIPE = "refurbishing:wipe"
    REFURBISHING_FAIL = "refurbishing:fail"
    REFURBISHING_GRADE = "refurbishing:grade"
    ACCOUNT_CREATE = "account:create"
    ACCOUNT_READ = "account:read"
    ACCOUNT_CLOSE = "account:close"
    ADMINISTRATOR_RECOVER = "administrator:recover"
    ACCOUNT_PURGE = "account:purge"
    DATA_PURGE = "data:purge"
    ORDER_CREATE = "order:create"
    ORDER_PICK = "order:pick"
    ORDER_PUT_BACK = "order:put_back"
    ORDER_SHIP = "order:ship"
    PLAN_SETTLE = "plan:settle"
    DISTRIBUTOR_REGISTER = "distributor:register"
    DISTRIBUTOR_END = "distributor:end"
    TERM_READ = "term:read"
    RMA_READ = "rma:read"
    SHIPMENT_DELIVER = "shipment:deliver"
    SHIPMENT_LOSE = "shipment:lose"
    RMA_OPEN = "rma:open"
    RMA_APPROVE = "rma:approve"
    RMA_DENY = "rma:deny"
    RMA_CANCEL = "rma:cancel"
    RMA_RESERVE = "rma:reserve"
    RMA_RELEASE = "rma:release"
    RMA_SHIP = "rma:ship"
    RMA_DELIVER = "rma:deliver"
    RMA_RECEIVE = "rma:receive"
    RMA_LOSE = "rma:lose"
    RMA_EXPIRE = "rma:expire"
    RMA_HAND_IN = "rma:hand_in"
    RMA_REPORT_LOSS = "rma:report_loss"
    RMA_HOLD = "rma:hold"
    RMA_INSPECT = "rma:inspect"
    RMA_CLOSE = "rma:close"
    RMA_SWAP = "rma:swap"
    RMA_SWAP_WAIT = "rma:swap_wait"
    BLIND_RETURN_TAKE_IN = "blind_return:take_in"
    BLIND_RETURN_MATCH = "blind_return:match"
    BLIND_RETURN_SEND_BACK = "blind_return:send_back"
    BLIND_RETURN_DELIVER = "blind_return:deliver"
    BLIND_RETURN_COME_BACK = "blind_return:come_back"
    UNIT_TURN_UP = "unit:turn_up"
    RELEASE_PUBLISH = "release:publish"
    ROLLOUT_CREATE = "rollout:create"
    ROLLOUT_APPROVE = "rollout:approve"
    ROLLOUT_START = "rollout:start"
    ROLLOUT_PAUSE = "rollout:pause"
    ROLLOUT_RESUME = "rollout:resume"
    ROLLOUT_ADVANCE = "rollout:advance"
    ROLLOUT_STOP = "rollout:stop"
    ROLLOUT_FINISH = "rollout:finish"
    ROLLOUT_SUBMIT = "rollout:submit"
    ROLLOUT_SETTLE = "rollout:settle"
    ROLLOUT_LET_OUT = "rollout:let_out"  # a unit that kept failing
    MINIMUM_VERSION_PROPOSE = "minimum_version:propose"
    MINIMUM_VERSION_APPROVE = "minimum_version:approve"
    MINIMUM_VERSION_WITHDRAW = "minimum_version:withdraw"
    UNIT_WITHHOLD_VOICE = "unit:withhold_voice"
    UNIT_RESTORE_VOICE = "unit:restore_voice"
    UPDATE_ASSIGN = "update:assign"
    UPDATE_REPORT = "update:report"
    METADATA_RENEW = "metadata:renew"
    KEY_MAKE = "key:make"
    CERTIFICATE_RENEW = "certificate:renew"
    PERSON_INVITE = "person:invite"
    PERSON_SET_PASSWORD = "person:set_password"  # noqa: S105
    PERSON_CHANGE_ROLES = "person:change_roles"
    PERSON_DISABLE = "person:disable"
    PERSON_CORRECT = "person:correct"
    PERSON_ERASE = "person:erase"
    PERSON_READ = "person:read"
    SESSION_START = "session:start"
    SESSION_REFUSE = "session:refuse"
    SESSION_END = "session:end"
    TOKEN_CREATE = "token:create"  # noqa: S105
    TOKEN_REVOKE = "token:revoke"  # noqa: S105
    CHARGE_RECORD = "charge:record"
    CHARGE_READ = "charge:read"
    CANCELLATION_READ = "cancellation:read"
    CANCELLATION_REQUEST = "cancellation:request"
    CANCELLATION_REPLACE = "cancellation:replace"
    CANCELLATION_WITHDRAW = "cancellation:withdraw"
    CANCELLATION_COMPLETE = "cancellation:complete"
    CANCELLATION_OVERTAKE = "cancellation:overtake"
    CANCELLATION_CLAIM_WAIVER = "cancellation:claim_waiver"
    BREACH_NOTICE_GIVE = "breach_notice:give"
    BREACH_NOTICE_CURE = "breach_notice:cure"
    BREACH_NOTICE_TERMINATE = "breach_notice:terminate"
    BREACH_NOTICE_OVERTAKE = "breach_notice:overtake"
    CHANGE_NOTICE_GIVE = "change_notice:give"
    SERVICE_END = "service:end"
    SERVICE_SUSPEND = "service:suspend"
    SERVICE_LIFT = "service:lift"
    LOCATION_SET = "location:set"
    LOCATION_CONFIRM = "location:confirm"
    LOCATION_READ = "location:read"
    NUMBER_READ = "number:read"
    NUMBER_IMPORT = "number:import"
    NUMBER_ASSIGN = "number:assign"
    NUMBER_PORT_IN = "number:port_in"
    NUMBER_TAKE_EFFECT = "number:take_effect"
    NUMBER_FAIL_PORT = "number:fail_port"
    NUMBER_PORT_OUT = "number:port_out"
    NUMBER_RELEASE = "number:release"
    NUMBER_RESTOCK = "number:restock"
    CALL_READ = "call:read"
    CALL_REFUSE = "call:refuse"
    METERING_LOAD = "metering:load"
    USE_READ = "use:read"
    USE_MEASURE = "use:measure"
    USE_DECIDE = "use:decide"
    DESTINATION_READ = "destination:read"
    DESTINATION_BLOCK = "destination:block"
    DESTINATION_UNBLOCK = "destination:unblock"
    NETWORK_LOAD = "network:load"
    EXPORT_BLOCK = "export:block"
    EXPORT_UNBLOCK = "export:unblock"
    VOICE_PROFILE_SET = "voice_profile:set"
    VOICE_ACCOUNT_MAKE = "voice_account:make"
    VOICE_ACCOUNT_ROTATE = "voice_account:rotate"
    VOICE_ACCOUNT_END = "voice_account:end"
    SUBSCRIBER_READ = "subscriber:read"
    POLICY_SET = "policy:set"
    OUTBOX_RETRY = "outbox:retry"
    UNIT_REFUSE = "unit:refuse"
    METADATA_PUBLISH = "metadata:publish"


# Equipment rules 8: the reads of Account data, by the permission they demand. Each is kept; it changes nothing else.
READ_ACTIONS: dict[Permission, AuditAction] = {
    Permission.ACCOUNT_READ: AuditAction.ACCOUNT_READ,
    Permission.TERM_READ: AuditAction.TERM_READ,
    Permission.RMA_READ: AuditAction.RMA_READ,
    Permission.CANCELLATION_READ: AuditAction.CANCELLATION_READ,
    Permission.CHARGE_READ: AuditAction.CHARGE_READ,
    Permission.PEOPLE_MANAGE: AuditAction.PERSON_READ,
    Permission.PERSON_OWN: AuditAction.PERSON_READ,
    Permission.LOCATION_READ: AuditAction.LOCATION_READ,
    Permission.NUMBER_READ: AuditAction.NUMBER_READ,
    Permission.SUBSCRIBER_READ: AuditAction.SUBSCRIBER_READ,
    Permission.CALL_READ: AuditAction.CALL_READ,
    Permission.USE_READ: AuditAction.USE_READ,
    Permission.DESTINATION_READ: AuditAction.DESTINATION_READ,
}
READS = frozenset(READ_ACTIONS.values())
# What a unit is and does, what is the operator's own, and who did what (references alone): no Account data. Units
# asked for by account are (fleet/services/audit.py).
OTHER_READS = frozenset(
    {Permission.UNIT_READ, Permission.RELEASE_READ, Permission.ROLLOUT_READ, Permission.POLICY_READ}
    | {Permission.AUDIT_READ, Permission.VOICE_READ, Permission.METERING_READ, Permission.METRICS_READ}
)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to what; `fields` names what changed, `operator` who worked at the station that did it."""

    id: int
    at: datetime
    actor_kind: str
    actor: str
    action: str
    subject: str
    fields: tuple[str, ...]
    operator: str = ""
