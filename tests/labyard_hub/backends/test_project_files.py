"""Who can do what in a project's folder, tried by processes of real accounts. They need root, as CI has."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labyard.permissions import Role
from labyard_hub.backends.local.accounts import ensure_project_account, find_account, find_project_account
from labyard_hub.backends.local.project_files import LocalProjectFiles
from labyard_hub.backends.local.project_keeper import keep_project_files
from labyard_hub.backends.local.removed_people import retire
from labyard_hub.config.state import StateFolder
from labyard_hub.domain.projects import DesiredProject
from labyard_hub.exceptions import ProjectFilesError
from tests import waiting
from tests.labyard_hub.backends.people import OTHER, VISION, World, names, run_as, start_as
from tests.platform import is_root

pytestmark = pytest.mark.skipif(not is_root(), reason="makes Unix accounts")

ROLE_CHANGE_SECONDS = 10


async def until(condition: Callable[[], bool]) -> None:
    """Wait for `condition`, which may block for a moment, for as long as a change of role may take."""
    await waiting.until(lambda: asyncio.to_thread(condition), "the change of role", ROLE_CHANGE_SECONDS)


async def test_what_each_role_can_do(world: World) -> None:
    assert world.can("ada", "mkdir data && echo ada > data/file && echo 'echo hi' > run.sh && chmod +x run.sh")
    assert world.can("bob", "cat data/file && echo bob >> data/file && echo new > data/bobs && ./run.sh")
    assert world.can("ada", "echo ada >> data/bobs && rm data/bobs")
    assert world.can("carol", "ls . data && cat data/file && ./run.sh")
    for script in (
        "echo x >> data/file",
        "touch new",
        "rm data/file",
        "mkdir sub",
        "mv data moved",
        "chmod 777 data",
        "setfacl -m u:$UID:rwx data",
    ):
        assert not world.can("carol", script), script
    for script in ("true", "ls", "cat data/file"):
        assert not world.can("mallory", script), script
    assert run_as(65534, "ls", str(world.folder)).returncode != 0
    listing = world.state.projects / VISION
    assert not world.can("ada", f"ls {listing}")
    assert not world.can("ada", f"ls {listing / 'home'} || ls {listing / 'tools'}")


async def test_the_projects_own_account_reads_and_writes(world: World) -> None:
    account = world.account()
    done = run_as(account.uid, "sh", "-c", f"cd {world.folder} && echo x > made && ls {account.home}")
    assert done.returncode == 0
    assert world.can("bob", "echo y >> made && rm made")


async def test_a_role_reaches_a_process_that_runs(world: World) -> None:
    """With the keeper running, as in the service."""
    assert world.can("ada", "mkdir sub && echo text > sub/file")
    mallory = world.shell("mallory", Path("/"))
    bob = world.shell("bob", world.folder / "sub")
    carol = world.shell("carol", world.folder / "sub")
    assert mallory(f"ls {world.folder}")[0] != 0
    assert carol("echo x >> file")[0] != 0

    await world.set_roles(mallory=Role.VIEWER, carol=Role.EDITOR, bob=Role.VIEWER)
    await until(lambda: mallory(f"cat {world.folder}/sub/file")[0] == 0)
    await until(lambda: carol("echo x >> file && touch new")[0] == 0)
    await until(lambda: bob("echo x >> file")[0] != 0)
    assert bob("cat file")[0] == 0

    await world.set_roles(mallory=None, bob=None, carol=Role.OWNER)
    assert mallory(f"ls {world.folder}")[0] != 0
    await until(lambda: bob("ls . || cat file || cat ../sub/file || touch y")[0] != 0)
    assert carol("cat file")[0] == 0


async def test_a_removed_member_with_a_shell_inside_is_out(world: World) -> None:
    assert world.can("bob", "mkdir -p bobs/deep && echo secret > bobs/deep/file && chmod 777 bobs bobs/deep bobs/deep/file")
    shell = world.shell("bob", world.folder / "bobs" / "deep")
    top = world.shell("bob", world.folder)
    await world.set_roles(bob=None)
    assert top("ls")[0] != 0  # at once
    await world.files.settled()
    for script in (
        "cat file",
        "echo x >> file",
        "touch new",
        "ls",
        "ls ..",
        "chmod 777 file",
        "chmod 777 .",
        "setfacl -m u:$UID:rwx file",
        "cat ../deep/file",
    ):
        assert shell(script)[0] != 0, script
    assert world.can("ada", "cat bobs/deep/file && rm -r bobs")


async def test_a_demoted_member_cannot_write_what_was_theirs(world: World) -> None:
    assert world.can("bob", "mkdir mine && echo x > mine/file")
    shell = world.shell("bob", world.folder / "mine")
    await world.set_roles(bob=Role.VIEWER)
    await world.files.settled()
    for script in ("echo x >> file", "touch new", "chmod 666 file", "setfacl -m u:$UID:rw file", "rm file"):
        assert shell(script)[0] != 0, script
    assert shell("cat file") == (0, "x\n")
    await world.set_roles(bob=Role.EDITOR)
    await world.files.settled()
    assert shell("echo y >> file && rm file")[0] == 0


async def test_nobody_writes_to_an_archived_project(world: World) -> None:
    assert world.can("bob", "echo x > file")
    shell = world.shell("bob", world.folder)
    world.archived = True
    await world.set_roles()
    await world.files.settled()
    for script in ("echo x >> file", "touch new", "rm file", "chmod 777 file"):
        assert shell(script)[0] != 0, script
        assert not world.can("ada", script), script
    assert shell("cat file")[0] == 0
    world.archived = False
    await world.set_roles()
    await world.files.settled()
    assert shell("echo x >> file")[0] == 0


async def test_restrictive_files_are_opened_to_the_others(world: World) -> None:
    bob = world.person("bob")
    assert world.can("bob", f"""
        umask 077; echo x > {bob.home}/moved; chmod 600 {bob.home}/moved; mv {bob.home}/moved .
        mkdir {bob.home}/tree; echo x > {bob.home}/tree/inner; chmod 700 {bob.home}/tree; chmod 400 {bob.home}/tree/inner; mv {bob.home}/tree .
        touch made; chmod 600 made; cp -p made copied; echo x > object; chmod 444 object
        mkdir closed; chmod 700 closed; echo x > closed/file; chmod 000 closed/file
        tar -cf a.tar closed 2>/dev/null; mkdir sticky; chmod 1777 sticky; echo x > sticky/file
        cp /bin/true program; chmod 4755 program
    """)  # fmt: skip
    # What came with an old time of change is found under its folder.
    await world.keep()
    for script in (
        "cat moved tree/inner object closed/file && echo y >> moved && echo y >> tree/inner && echo y >> made && echo y >> copied",
        "rm tree/inner closed/file && rmdir tree closed",
        "rm sticky/file",
        "./program",
    ):
        done = world.run("ada", script)
        assert done.returncode == 0, (script, done.stderr)
    assert not world.can("ada", "test -x moved")
    assert not (world.folder / "program").stat().st_mode & stat.S_ISUID
    assert world.can("carol", "cat moved made")
    assert not world.can("carol", "echo z >> moved")


async def test_a_walk_that_looks_at_changes_only_finds_what_was_moved_in(world: World) -> None:
    bob = world.person("bob")
    assert run_as(bob.uid, "sh", "-c", f"umask 077; mkdir -p {bob.home}/tree/deep; echo x > {bob.home}/tree/deep/file").returncode == 0
    old = time.time()
    await until(lambda: time.time() > old + 1.2)  # older than the margin of the walk to come
    await world.keep()
    assert world.can("bob", f"mv {bob.home}/tree .")
    await world.keep()
    assert world.can("ada", "cat tree/deep/file && echo y >> tree/deep/file")


async def test_an_owner_of_files_lets_an_outsider_in_and_the_top_keeps_them_out(world: World) -> None:
    mallory = world.person("mallory")
    assert world.can(
        "bob",
        f"mkdir open && echo x > open/file && chmod 777 open && chmod 666 open/file && setfacl -R -m u:{mallory.uid}:rwx open && setfacl -d -m u:{mallory.uid}:rwx open",
    )
    assert not world.can("mallory", "true")
    assert run_as(mallory.uid, "cat", f"{world.folder}/open/file").returncode != 0
    await world.keep()
    shown = run_as(0, "getfacl", "--recursive", "--numeric", str(world.folder)).stdout
    assert str(world.person("bob").uid) in shown
    assert str(mallory.uid) not in shown
    assert "other::rwx" not in shown
    assert "other::rw-" not in shown


async def test_a_link_out_of_the_folder_is_not_followed(world: World) -> None:
    victim = world.person("mallory").home
    (victim / "diary").write_text("mine")
    os.chown(victim / "diary", world.person("mallory").uid, world.person("mallory").gid)
    before = (os.lstat(victim), os.lstat(victim / "diary"), os.lstat("/usr/bin/env"))
    assert world.can("bob", f"ln -s {victim} folder; ln -s {victim}/diary file; ln -s /usr/bin/env env; ln -s / root")
    await world.keep()
    await world.set_roles(bob=None)
    await world.keep()
    after = (os.lstat(victim), os.lstat(victim / "diary"), os.lstat("/usr/bin/env"))
    for one, other in zip(before, after, strict=True):
        assert (one.st_uid, one.st_mode, one.st_ctime_ns) == (other.st_uid, other.st_mode, other.st_ctime_ns)
    assert not world.can("ada", "cat file || ls folder/")


async def test_special_files_and_what_others_have_moved_in_are_left_alone(world: World) -> None:
    assert world.can("bob", "mkfifo pipe && python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('socket')\"")
    for name, uid in (("operators", 0), ("daemons", 1)):
        outside = world.state.root / name
        outside.write_text("x")
        outside.chmod(0o600)
        os.chown(outside, uid, uid)
        outside.rename(world.folder / name)
    before = {name: os.lstat(world.folder / name).st_ctime_ns for name in names(world.folder)}
    await world.set_roles(carol=None)
    await world.files.settled()
    assert before == {name: os.lstat(world.folder / name).st_ctime_ns for name in names(world.folder)}
    assert not world.can("bob", "cat operators || cat daemons")


async def test_what_an_operator_made_in_the_folder_follows_the_roles(world: World) -> None:
    (world.folder / "restored").mkdir()
    (world.folder / "restored" / "file").write_text("x")
    await world.set_roles(mallory=Role.EDITOR, bob=Role.VIEWER)
    await world.files.settled()
    assert world.can("mallory", "echo y >> restored/file")
    assert not world.can("bob", "echo y >> restored/file")
    assert (world.folder / "restored" / "file").stat().st_uid == 0


async def test_a_hard_link_out_of_the_folder_does_not_keep_a_file(world: World) -> None:
    bob = world.person("bob")
    assert world.can("ada", "echo secret > file")
    assert world.can("bob", f"ln file {bob.home}/kept && echo mine > own && ln own {bob.home}/kept-own")
    await world.set_roles(bob=None)
    await world.files.settled()
    shell = world.shell("bob", bob.home)
    for script in ("cat kept", "echo x >> kept", "cat kept-own", "chmod 666 kept-own", "echo x >> kept-own"):
        assert shell(script)[0] != 0, script
    assert world.can("ada", "cat own && echo y >> file")


async def test_a_file_linked_from_a_home_becomes_the_projects_own_copy(world: World) -> None:
    bob = world.person("bob")
    shell = world.shell("bob", bob.home)
    assert shell("echo original > source && chmod 700 source && truncate -s 1G sparse && echo end >> sparse")[0] == 0
    assert shell(f"ln source {world.folder}/linked && ln sparse {world.folder}/sparse")[0] == 0
    before = (bob.home / "source").stat()
    await world.keep()
    after, copy = (bob.home / "source").stat(), (world.folder / "linked").stat()
    assert (after.st_uid, after.st_mode, after.st_nlink) == (before.st_uid, before.st_mode, 1)
    assert copy.st_ino != after.st_ino
    assert copy.st_mtime_ns == before.st_mtime_ns
    assert world.can("ada", "cat linked && echo changed >> linked && test -x linked")
    assert (bob.home / "source").read_text() == "original\n"
    sparse = (world.folder / "sparse").stat()
    assert (sparse.st_size, sparse.st_blocks < 1000) == (2**30 + 4, True)
    with (world.folder / "sparse").open("rb") as file:
        file.seek(2**30)
        assert file.read() == b"end\n"
    # Bob leaves: what he does at home does not reach the project, and what the project does takes nothing from him.
    await world.set_roles(bob=None)
    await world.files.settled()
    assert shell("echo later >> source")[0] == 0
    assert "later" not in (world.folder / "linked").read_text()
    assert not [name for name in names(world.folder) if name.startswith(".labyard")]


async def open_other(world: World, **members: Role) -> Path:
    """Make another project, and return its folder."""
    other = DesiredProject.of(OTHER, "other", tuple(members.items()))
    world.others.append(other)
    await world.files.apply(other)
    await world.files.settled()
    return world.state.projects / OTHER / "files"


async def test_a_hard_link_to_another_projects_file_stays_that_projects(world: World) -> None:
    files = await open_other(world, bob=Role.EDITOR, mallory=Role.OWNER)
    (files / "secret").write_text("others\n")
    assert world.can("bob", f"echo new >> {files}/secret; cp {files}/secret {files}/mine && ln {files}/mine linked")
    await world.keep()
    assert (files / "mine").stat().st_nlink == 2
    assert not world.can("ada", "cat linked")
    assert run_as(world.person("mallory").uid, "cat", str(files / "mine")).stdout == "others\nnew\n"
    # A copy is a file of this project.
    assert world.can("bob", f"cp {files}/mine copied && cp -a {files}/mine copied-with-list")
    await world.keep()
    assert world.can("ada", "echo ours >> copied && echo ours >> copied-with-list")


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("running", [False, True])
async def test_a_link_that_a_removed_member_kept_opens_nothing_in_a_project_of_their_own(world: World, gone: bool, running: bool) -> None:
    """Also with several links, and when the project has deleted the file meanwhile."""
    files = await open_other(world, bob=Role.OWNER, mallory=Role.VIEWER)
    bob = world.person("bob")
    assert world.can("ada", "echo old > file && mkdir sub && echo old > sub/file")
    assert world.can("bob", "true")
    shell = world.shell("bob", bob.home)
    assert shell(f"mkdir kept; for n in 1 2 3 4; do ln {world.folder}/file kept/$n; ln {world.folder}/sub/file kept/sub$n; done")[0] == 0
    if running:  # a process that goes on makes another link from the one that it has
        assert shell("mkdir more; (while sleep 0.1; do ln kept/4 more/$RANDOM$RANDOM; done) >/dev/null 2>&1 &")[0] == 0
    await world.set_roles(bob=None)
    await world.files.settled()
    assert world.can("ada", "echo new-secret >> file && echo new-secret >> sub/file")
    if gone:
        assert world.can("ada", "rm -r file sub")
    for number in (1, 2, 3):
        assert shell(f"mv kept/{number} kept/sub{number} {files}/")[0] == 0
        await world.keep()
        assert shell(f"cat {files}/* kept/*")[1].count("new-secret") == 0
    if running:
        shell(f"mv more {files}/")
        await world.keep()
        assert shell(f"cat {files}/more/*")[1].count("new-secret") == 0
        shell("kill %1; wait")
    assert gone or world.can("ada", "cat file sub/file && echo more >> file")


async def test_what_moves_between_projects_of_the_same_people_or_by_its_owner_is_opened(world: World) -> None:
    files = await open_other(world, ada=Role.OWNER, bob=Role.EDITOR, carol=Role.VIEWER)
    assert world.can("ada", f"mkdir adas && echo x > adas/file && mv adas {files}/ && echo y > adas2 && mv adas2 {files}/")
    await world.keep()
    for path in ("adas/file", "adas2"):
        assert run_as(world.person("bob").uid, "sh", "-c", f"echo y >> {files / path}").returncode == 0


async def test_files_of_others_become_the_projects(world: World) -> None:
    mallory = world.person("mallory")
    (world.folder / "theirs").write_text("x")
    os.chown(world.folder / "theirs", mallory.uid, mallory.gid)
    await world.keep()
    assert (world.folder / "theirs").stat().st_uid == world.account().uid
    assert world.can("bob", "echo y >> theirs")


async def test_files_of_a_removed_user_are_kept_for_the_others(world: World) -> None:
    assert world.can("bob", "mkdir bobs && echo precious > bobs/file && chmod 700 bobs && chmod 600 bobs/file")
    uid = world.person("bob").uid
    retire("bob", world.state)
    await world.set_roles(bob=None)
    await world.keep()
    assert find_account("bob", world.state) is None
    assert (world.folder / "bobs" / "file").stat().st_uid == world.account().uid != uid
    assert world.can("ada", "cat bobs/file && echo more >> bobs/file")
    assert world.person("bob").uid != uid
    assert not world.can("bob", "true")


async def test_a_member_who_has_no_account_yet_gets_in_once_they_have(world: World) -> None:
    world.roles["dora"] = Role.EDITOR
    await world.keep()
    world.person("dora")
    await world.keep()
    assert world.can("dora", "touch new")


async def test_leftovers_of_a_crash_are_finished(world: World) -> None:
    """Another process, which knows nothing of what was under way, finds it."""
    assert world.can("bob", "mkdir bobs && echo x > bobs/file")
    del world.roles["bob"]
    (world.state.project_views / "ada" / "vision").unlink()
    (world.state.project_views / "ada" / "stray").symlink_to("/etc")
    fresh = LocalProjectFiles(world.state, isolated=True, trash_lifetime_seconds=60)
    await fresh.keep(world.projects)
    await fresh.close()
    assert (world.folder / "bobs" / "file").stat().st_uid == world.account().uid
    assert not world.can("bob", "true")
    assert names(world.state.project_views / "ada") == ["vision"]
    assert names(world.state.project_views / "bob") == []


async def test_a_folder_of_no_project_is_closed_and_kept(world: World) -> None:
    assert world.can("ada", "echo x > file")
    await world.files.keep([])
    assert world.can("ada", "cat file")  # it may have been made in this moment
    await world.files.keep([])
    assert not world.can("ada", "true")
    assert (world.folder / "file").read_text() == "x\n"
    await world.keep()
    assert world.can("ada", "cat file")


async def test_a_list_that_is_older_than_a_change_does_not_undo_it(world: World) -> None:
    stamp, old = world.files.stamp(), world.projects
    await world.set_roles(bob=None, mallory=Role.EDITOR)
    await world.files.look(old, stamp, everything=True)
    await world.files.settled()
    assert not world.can("bob", "true")
    assert world.can("mallory", "touch new")


async def test_discarded(world: World) -> None:
    assert world.can("bob", "mkdir -p a/b && echo x > a/b/file")
    shell = world.shell("bob", world.folder / "a" / "b")
    server = start_as(world.account().uid, "sleep", "1000")
    try:
        await world.files.discard(world.project)
        await world.files.settled()
        assert not world.folder.exists()
        assert names(world.state.project_views / "bob") == []
        for script in ("cat file", "touch new", "ls", "chmod 777 .", "ls .."):
            assert shell(script)[0] != 0, script
        await world.files.keep([])
        assert find_project_account(VISION, world.state) is not None  # its server still runs
    finally:
        server.kill()
        server.wait()
    await world.files.keep([])
    assert find_project_account(VISION, world.state) is None
    (trashed,) = world.state.trash.iterdir()
    assert (trashed / "files" / "a" / "b" / "file").read_text() == "x\n"
    await world.files.discard(world.project)  # again, after a crash


async def test_the_account_of_a_project_goes_also_when_the_trash_was_emptied_first(world: World) -> None:
    server = start_as(world.account().uid, "sleep", "1000")
    try:
        world.files = LocalProjectFiles(world.state, isolated=True, trash_lifetime_seconds=0)
        await world.files.discard(world.project)
        await world.files.keep([])
        assert names(world.state.trash) == []
    finally:
        server.kill()
        server.wait()
    await world.files.keep([])
    assert find_project_account(VISION, world.state) is None


async def test_what_did_not_change_is_not_looked_at_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With thousands of projects, each look at all of their tops would cost more than the walks."""
    looked: list[str] = []
    secure = LocalProjectFiles._secure
    monkeypatch.setattr(LocalProjectFiles, "_secure", lambda self, project: looked.append(project.id) or secure(self, project))
    projects, stamp = world.projects, world.files.stamp()  # taken once: other tests make accounts meanwhile
    for _ in range(3):
        await world.files.look(projects, stamp)
    assert looked == [VISION]
    world.person("dora")  # there is another account
    await world.files.look(projects, world.files.stamp())
    await world.files.look(list(projects), world.files.stamp())
    await world.set_roles(bob=None)
    await world.files.look(world.projects, world.files.stamp())
    assert len(looked) == 5


async def test_taken_back_from_the_trash(world: World) -> None:
    assert world.can("bob", "mkdir -p a/b && echo x > a/b/file")
    await world.files.discard(world.project)
    await world.files.keep([])
    (trashed,) = world.state.trash.iterdir()
    again = DesiredProject.of("vision--p1111111111", "vision", (("carol", Role.OWNER),))
    await world.files.apply(again)
    target = world.state.projects / again.id / "files"
    account = ensure_project_account(again.id, world.state, isolated=True)
    run_as(0, "chown", "--recursive", "--no-dereference", f"{account.uid}:{account.gid}", str(trashed / "files")).check_returncode()
    assert (
        run_as(
            0, "find", str(trashed / "files"), "-mindepth", "1", "-maxdepth", "1", "-exec", "mv", "-t", str(target), "{}", "+"
        ).returncode
        == 0
    )
    await world.files.keep([again])
    assert run_as(world.person("carol").uid, "sh", "-c", f"echo y >> {target}/a/b/file").returncode == 0
    assert (target / "a").stat().st_uid == account.uid


async def test_ten_thousand_files_and_a_change_of_role_within_ten_seconds(world: World) -> None:
    assert world.can("bob", "for d in $(seq 100); do mkdir d$d; for f in $(seq 100); do echo x > d$d/f$f; done; done")
    await world.keep()
    last = world.folder / "d100"
    shell = world.shell("bob", last)
    began = time.monotonic()
    await world.set_roles(bob=None)
    await until(lambda: shell("cat f100")[0] != 0)
    await world.files.settled()
    assert time.monotonic() - began < ROLE_CHANGE_SECONDS
    account = world.account()
    assert all(entry.stat().st_uid == account.uid for entry in os.scandir(last))


async def test_five_thousand_levels(world: World) -> None:
    before = len(names(Path("/proc/self/fd")))
    program = "import os\nfor _ in range(5000):\n    os.mkdir('d'); os.chdir('d')\nopen('bottom', 'w').write('x'); os.chmod('bottom', 0)"
    assert world.can("bob", f'{sys.executable} -c "{program}"')
    shell = world.shell("bob", world.folder)
    assert world.can("ada", "echo x > zz")
    await world.keep()
    await world.set_roles(bob=None)
    await world.files.settled()
    assert shell("ls")[0] != 0
    left = len(names(Path("/proc/self/fd"))) - before
    bottom = "import os\nfor _ in range(5000):\n    os.chdir('d')\nopen('bottom', 'a').write('y'); print(os.stat('bottom').st_uid)"
    done = world.run("ada", f'{sys.executable} -c "{bottom}"')
    assert done.stdout.strip() == str(world.account().uid), done.stderr
    assert left < 50
    await world.files.discard(world.project)
    await world.files.settled()


async def test_names_that_are_not_text(world: World) -> None:
    assert world.can(
        "bob",
        "mkdir $'\\xff\\xfe' && echo x > $'\\xff\\xfe/\\x80' && chmod 0 $'\\xff\\xfe/\\x80' && echo x > $'new\\nline' && chmod 0 $'new\\nline'",
    )
    await world.keep()
    assert world.can("ada", "cat $'\\xff\\xfe/\\x80' $'new\\nline'")


async def test_renames_during_a_walk_do_no_harm(world: World) -> None:
    assert world.can("bob", "mkdir -p a b && for d in $(seq 40); do mkdir -p a/d$d/$(seq -s/ 50); echo x > a/d$d/f; done")
    outside = world.person("mallory").home
    before = outside.stat().st_ctime_ns
    mover = world.shell("bob", world.folder)
    stop = threading.Event()

    def move() -> None:
        while not stop.is_set():
            for command in ("mv a/d1 b/", "mv a/d2/1 b/x", f"mv b/d1 a/; mv b/x a/d2/1; ln -sfn {outside} a/link", "mv a c; mv c a"):
                mover(command)

    thread = threading.Thread(target=move)
    thread.start()
    try:
        for role in (Role.VIEWER, Role.EDITOR, Role.OWNER) * 3:
            await world.set_roles(carol=role)
            await world.files.settled()
    finally:
        stop.set()
        thread.join()
    await world.keep()
    assert world.can("carol", "find a b -type f -exec sh -c 'echo y >> {}' \\;")
    assert world.can("carol", 'test -z "$(find a b -type f ! -writable)"')
    assert outside.stat().st_ctime_ns == before


async def test_a_full_access_list(world: World) -> None:
    """With as many members as a project may have."""
    stranger = world.person("mallory").uid
    known = world.files._table.known()
    crowd = {f"user{number}": (200_000 + number, 200_000 + number) for number in range(197)}
    world.files._table._known = type(known)({**known.users, **crowd}, known.projects, known.uids)
    world.roles |= dict.fromkeys(crowd, Role.EDITOR)
    rights = world.files._secure(world.project)
    assert rights is not None
    assert len(rights.users) == 201
    world.files._walks.want(VISION, world.folder, rights)
    await world.files.settled()
    assert world.can("bob", "mkdir x && touch x/y && test -w x/y")
    assert len(os.getxattr(world.folder / "x" / "y", "system.posix_acl_access")) > 1600
    assert stranger not in dict(rights.users)


async def test_a_file_system_without_lists_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("labyard_hub.backends.local.project_folder.write_acl", refuse)
    with pytest.raises(ProjectFilesError, match=r"has no POSIX access lists\. Mount it with the option `acl`"):
        await world.set_roles(bob=None)


async def test_the_keeper_mends_by_itself_and_stops(world: World) -> None:
    failures = iter([True])

    async def desired() -> list[DesiredProject]:
        if next(failures, False):
            raise ProjectFilesError("x", "once")
        return world.projects

    stop = asyncio.Event()
    keeper = asyncio.create_task(keep_project_files(world.files, desired, stop, period_seconds=0.05))
    try:
        assert world.can("bob", "echo x > file && chmod 600 file")
        await until(lambda: world.can("ada", "echo y >> file"))
        assert world.can("bob", "chmod 600 file")
        await until(lambda: world.can("ada", "echo y >> file"))
    finally:
        stop.set()
        await keeper
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("project-files")]
    world.files = LocalProjectFiles(world.state, isolated=True, trash_lifetime_seconds=60)


async def test_without_hard_link_protection_shared_files_are_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world.can("bob", "echo x > file && chmod 600 file && ln file again")
    monkeypatch.setattr("labyard_hub.backends.local.project_inode.are_protected", lambda: False)
    await world.keep()
    assert not world.can("ada", "cat file")


def test_state_folder_lists_nothing(tmp_path: Path) -> None:
    state = StateFolder.open(tmp_path / "state")
    assert stat.S_IMODE(state.projects.stat().st_mode) == 0o711
    assert stat.S_IMODE(state.project_views.stat().st_mode) == 0o711
