"""Keys are rotated and revoked by owners at different places, after a dry run that writes nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import SIGNER_FOR_URI_SCHEME, CryptoSigner, Key, SecretsHandler

from fleet.services.build import Services
from fleet.settings import Settings
from fleet.updates.repository import ensure
from tests.fleet.release_owners import PASSPHRASE, tree
from tests.tools.release.desk import BOTH, done, image_file, initialised, release
from tools.release.encrypted_file import SCHEMES
from tools.release.errors import ReleaseError
from tools.release.keys import OfflineKeys


@pytest.fixture
def published(desk: Path) -> Path:
    """A desk whose first release is published."""
    initialised(desk)
    done("sign", image_file(desk, "1.0.0", 1), *BOTH)
    done("publish", "--bundle", "releases")
    return desk


def publish_next(desk: Path, version: str, counter: int) -> None:
    done("sign", image_file(desk, version, counter), *BOTH)
    assert [each["version"] for each in done("publish", "--bundle", "releases")["releases"]] == [version]


def owner(desk: Path, name: str, *private: str) -> Path:
    """One owner's folder: every description, and the private keys named."""
    folder = desk / name
    folder.mkdir()
    for path in (desk / "keys").glob("*.json"):
        shutil.copy(path, folder)
    for key in private:
        shutil.copy(desk / f"keys/{key}.pem", folder)
    return folder


def test_a_dry_run_says_what_would_change_and_writes_nothing(published: Path, services: Services) -> None:
    done("keys", "create", "keys", "--name", "targets-2")
    before, served = tree(published), tree(services.repository.directory)
    plan = done("keys", "rotate", "targets", *BOTH, "--with", "targets-2", "--dry-run")
    assert plan["dry_run"] is True
    assert [(each["role"], each["removed"]["name"], each["added"]["name"]) for each in plan["keys"]] == [
        ("targets", "targets", "targets-2")
    ]
    assert plan["files"] == ["2.root.json", "2.targets.json"]
    assert any("fetch root 2" in each for each in plan["effects"])
    assert any("root 2 needs 2 more of root-1" in each for each in plan["signatures"])
    assert any("targets 2 needs 1 more of targets-2" in each for each in plan["signatures"])
    online = done("keys", "rotate", "online", *BOTH, "--dry-run")
    assert {each["added"]["name"] for each in online["keys"]} == {
        f"the fleet's next {role} key" for role in ("timestamp", "snapshot", "director")
    }
    assert tree(published) == before
    assert tree(services.repository.directory) == served


def test_owners_at_different_places_sign_one_after_another(published: Path) -> None:
    done("keys", "create", "keys", "--name", "root-4")
    first = owner(published, "first", "root-1")
    second = owner(published, "second", "root-3")
    third = owner(published, "third", "root-4")
    before = tree(published / "releases/metadata")
    asked = ("keys", "revoke", "root-2", "--keys", str(first), "--bundle", "releases", "--with", "root-4")
    waiting = done(*asked)
    assert waiting["signed"] == []
    needed = {each["delegator"]: (each["needed"], [k["name"] for k in each["keys"]]) for each in waiting["missing"]}
    assert needed == {"root 1": (1, ["root-2", "root-3"]), "root 2 itself": (1, ["root-4", "root-3"])}
    assert done("status", "--bundle", "releases")["missing"] == waiting["missing"]
    assert tree(published / "releases/metadata") == before
    waiting = done("cosign", "--keys", str(third), "--bundle", "releases")
    assert [each["delegator"] for each in waiting["missing"]] == ["root 1"]
    signed = done("cosign", "--keys", str(second), "--bundle", "releases")
    assert signed == {"signed": ["2.root.json"]}
    assert done("status", "--bundle", "releases")["missing"] == []
    publish_next(published, "1.1.0", 2)
    listed = [each["name"] for each in done("keys", "list", *BOTH) if each["role"] == "root"]
    assert listed == ["root-1", "root-4", "root-3"]


def test_the_first_root_is_signed_by_owners_at_different_places_too(desk: Path) -> None:
    done("keys", "create", "keys", "--board", "simulated")
    engineering = owner(desk, "engineering", "root-1", "targets", "board-simulated")
    second = owner(desk, "second", "root-2")
    asked = ("init", "--keys", str(engineering), "--bundle", "releases", "--board", "simulated")
    waiting = done(*asked)
    assert [(each["role"], each["needed"]) for each in waiting["missing"]] == [("root", 1)]
    assert not (desk / "releases/metadata").exists()
    assert "waits for signatures" in str(release(*asked).exception)
    assert "has no root" in str(release("publish", "--bundle", "releases").exception)
    signed = done("cosign", "--keys", str(second), "--bundle", "releases")
    assert signed["signed"] == ["1.root.json", "1.targets.json", "1.board-simulated.json"]
    done("publish", "--bundle", "releases")
    publish_next(desk, "1.0.0", 1)


def test_a_stolen_root_key_is_gone_without_its_own_signature(published: Path) -> None:
    (published / "keys/root-2.pem").unlink()
    done("keys", "create", "keys", "--name", "root-4")
    assert done("keys", "revoke", "root-2", *BOTH, "--with", "root-4")["signed"] == ["2.root.json"]
    publish_next(published, "1.1.0", 2)


def test_a_revoked_targets_key_leaves_every_board_role_verifying(published: Path) -> None:
    (published / "keys/targets.pem").unlink()
    done("keys", "create", "keys", "--name", "targets-2")
    assert done("keys", "revoke", "targets", *BOTH, "--with", "targets-2")["signed"] == [
        "2.root.json",
        "2.targets.json",
    ]
    publish_next(published, "1.1.0", 2)


def test_a_boards_key_is_rotated_by_targets_and_every_part_is_signed_anew(published: Path) -> None:
    done("keys", "create", "keys", "--name", "simulated-2")
    rotated = done("keys", "rotate", "board-simulated", *BOTH, "--with", "simulated-2")
    assert rotated["signed"] == ["2.targets.json", "3.board-simulated.json"]
    publish_next(published, "1.1.0", 2)


def test_the_fleets_own_keys_are_rotated_at_the_publication(published: Path, services: Services) -> None:
    before = services.repository.keys.public()
    assert {entry["next"] for entry in before.values()} == {None}
    rotated = done("keys", "rotate", "online", *BOTH)
    assert rotated["signed"] == ["2.root.json", "2.targets.json"]
    between = services.repository.keys.public()
    assert {role: entry["keyid"] for role, entry in between.items()} == {r: e["keyid"] for r, e in before.items()}
    done("publish", "--bundle", "releases")
    after = services.repository.keys.public()
    assert {role: entry["keyid"] for role, entry in after.items()} == {
        role: entry["next"]["keyid"] for role, entry in between.items()
    }
    assert {entry["next"] for entry in after.values()} == {None}
    files = sorted(path.name for path in services.repository.keys.directory.iterdir())
    assert files == ["director.pem", "snapshot.pem", "timestamp.pem"]
    publish_next(published, "1.1.0", 2)


def test_a_fleet_that_lost_all_its_files_is_trusted_again(
    published: Path, services: Services, settings: Settings
) -> None:
    before = services.repository.keys.public()
    shutil.rmtree(services.repository.directory)
    ensure(settings.data_dir)
    refused = release("publish", "--bundle", "releases")
    assert "does not list this fleet's snapshot key" in str(refused.exception)
    (published / "update-keys.json").write_text(json.dumps(services.repository.keys.public()))
    done("keys", "rotate", "online", *BOTH, "--update-keys", "update-keys.json")
    done("publish", "--bundle", "releases")
    assert list(services.repository.images()) == ["simulated_1.0.0.img"]
    assert services.repository.keys.public()["director"]["keyid"] != before["director"]["keyid"]
    publish_next(published, "1.1.0", 2)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_keys_of_each_kind_sign(desk: Path, scheme: str) -> None:
    done("keys", "create", "keys", "--board", "simulated", "--scheme", scheme)
    done("init", *BOTH, "--board", "simulated")
    done("publish", "--bundle", "releases")
    publish_next(desk, "1.0.0", 1)


class Vault(CryptoSigner):
    """Another signer than a file: knows its keys by name, as an HSM does, and asks for a PIN."""

    held: dict[str, CryptoSigner] = {}  # noqa: RUF012

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> CryptoSigner:
        assert secrets_handler is not None
        if secrets_handler("passphrase") != PASSPHRASE:
            raise PermissionError("wrong PIN")
        return cls.held[priv_key_uri.removeprefix("vault:")]


def test_a_key_in_another_signer_is_used_by_its_uri(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIGNER_FOR_URI_SCHEME, "vault", Vault)
    Vault.held["shelf-7"] = signer = CryptoSigner.generate_ed25519()
    public = {"keyid": signer.public_key.keyid, "key": signer.public_key.to_dict()}
    (published / "vault.json").write_text(json.dumps(public))
    done("keys", "add", "targets-2", "--keys", "keys", "--uri", "vault:shelf-7", "--public", "vault.json")
    assert not (published / "keys/targets-2.pem").exists()
    done("keys", "rotate", "targets", *BOTH, "--with", "targets-2")
    publish_next(published, "1.1.0", 2)
    monkeypatch.setenv("PLUGTONE_KEY_PASSPHRASE", "wrong horse")
    result = release("renew", "targets", *BOTH)
    assert "key targets-2 at vault:shelf-7 cannot be used: wrong PIN" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("keys", "rotate", "root", *BOTH, "--with", "root-1"), "name the one that goes with --replace"),
        (("keys", "rotate", "root", *BOTH, "--with", "root-1", "--replace", "root-2"), "lists key"),
        (("keys", "rotate", "root", *BOTH, "--with", "root-9", "--replace", "root-2"), "there is no root-9.json"),
        (("keys", "rotate", "root", *BOTH, "--with", "targets", "--replace", "targets"), "root does not list"),
        (("keys", "rotate", "board-none", *BOTH, "--with", "targets"), "there is no role board-none"),
        (("keys", "rotate", "targets", *BOTH), "name the new key with --with"),
        (("keys", "revoke", "root-9", *BOTH, "--with", "root-1"), "0 keys are called 'root-9'"),
        (("keys", "create", "keys"), "name the boards"),
        (("keys", "create", "keys", "--name", "x", "--scheme", "rsa"), "units verify"),
        (("keys", "create", "keys", "--name", "../x"), "a key's name is"),
        (("cosign", *BOTH), "nothing in releases waits"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_moves(
    published: Path, services: Services, arguments: tuple[str, ...], match: str
) -> None:
    before, served = tree(published), tree(services.repository.directory)
    result = release(*arguments)
    assert result.exit_code == 1
    assert match in str(result.exception)
    assert tree(published) == before
    assert tree(services.repository.directory) == served


def test_while_a_change_waits_no_other_begins_and_it_can_be_dropped(published: Path) -> None:
    done("keys", "create", "keys", "--name", "root-4")
    before = tree(published / "releases")
    first = owner(published, "first", "root-1")
    done("keys", "revoke", "root-2", "--keys", str(first), "--bundle", "releases", "--with", "root-4")
    waiting = tree(published / "releases")
    image = image_file(published, "1.1.0", 2)
    for arguments in (("sign", image, *BOTH), ("renew", "targets", *BOTH), ("renew", "root", *BOTH)):
        assert "waits for signatures" in str(release(*arguments).exception)
        assert tree(published / "releases") == waiting
    assert done("abandon", "--bundle", "releases") == {"dropped": ["root"]}
    after = tree(published / "releases")
    assert {name: data for name, data in after.items() if name != "keys.json"} == {
        name: data for name, data in before.items() if name != "keys.json"
    }


def test_a_change_cut_off_on_its_way_into_the_bundle_is_ended_by_cosign(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tools.release import draft

    done("keys", "create", "keys", "--name", "targets-2")
    expected: dict[str, Any] = {}
    for cut in (*range(4), 99):
        work = published / f"cut-{cut}"
        shutil.copytree(published / "releases", work)
        written: list[Path] = []
        write = draft.write_file

        def dying(path: Path, data: bytes, cut: int = cut, written: list[Path] = written, write: Any = write) -> None:
            if len(written) == cut:
                raise KeyboardInterrupt
            written.append(path)
            write(path, data)

        monkeypatch.setattr(draft, "write_file", dying)
        asked = ("keys", "rotate", "targets", "--keys", "keys", "--bundle", str(work), "--with", "targets-2")
        if cut == 99:
            done(*asked)
        else:
            assert release(*asked).exit_code
        monkeypatch.setattr(draft, "write_file", write)
        metadata = work / "metadata"
        if (work / "proposed").exists():
            done("cosign", "--keys", "keys", "--bundle", str(work))
        elif cut != 99:
            assert not (metadata / "2.root.json").exists()
            done(*asked)
        expected[work.name] = sorted(path.name for path in metadata.iterdir())
        assert not (work / "proposed").exists()
    assert len({tuple(names) for names in expected.values()}) == 1


def test_a_passphrase_is_in_no_error_and_no_representation(published: Path) -> None:
    ring = OfflineKeys(published / "keys", lambda _: "wrong horse battery")
    with pytest.raises(ReleaseError) as caught:
        ring.signer("root-1")
    assert "wrong horse" not in str(caught.value) + repr(ring)
