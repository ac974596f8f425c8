"""Many inputs: folders, skipped files, progress, and different numbers of processes."""

import os
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from compressor.cli import batch, workers
from compressor.cli.main import main
from tests.samples import files_below

RNG = np.random.default_rng(6)
NAMES = ["a.png", "b.jpg", "deep/er/a.webp", "deep/c d.png"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Enter a folder with pictures in `in`."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
    (tmp_path / "in" / "notes.txt").write_text("no picture, and none is expected")
    return tmp_path


@pytest.mark.usefixtures("fake_coder")
def test_folders_keep_their_structure(folder, capsys):
    assert main(["encode", "in", "-o", "out", "--recursive"]) == 0
    left_out, summary = capsys.readouterr().err.splitlines()
    assert left_out == "left out 1 (other file types or links to folders): notes.txt"
    assert summary.startswith("encoded 4 of 4 files, ")
    assert set(files_below(folder / "out")) == {os.path.splitext(name)[0] + ".cmpr" for name in NAMES}
    assert main(["decode", "out", "-o", "back", "--recursive", "--format", "bmp", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert set(files_below(folder / "back")) == {os.path.splitext(name)[0] + ".bmp" for name in NAMES}
    for name in NAMES:
        decoded = Image.open(folder / "back" / (os.path.splitext(name)[0] + ".bmp"))
        assert decoded.tobytes() == Image.open(folder / "in" / name).tobytes()


@pytest.mark.usefixtures("fake_coder")
def test_inputs_may_follow_options(folder):
    assert main(["encode", "in/a.png", "-q", "30", "in/b.jpg", "--quiet", "in/deep/c d.png"]) == 0
    assert {path.name for path in folder.rglob("*.cmpr")} == {"a.cmpr", "b.cmpr", "c d.cmpr"}


@pytest.mark.usefixtures("fake_coder")
def test_without_an_output_folder_files_go_next_to_their_inputs(folder):
    assert main(["encode", "in", "-r", "--quiet"]) == 0
    assert (folder / "in" / "deep" / "er" / "a.cmpr").is_file()


@pytest.mark.usefixtures("fake_coder")
def test_files_of_other_types_are_counted_and_named(folder, capsys):
    (folder / "in" / "deep" / "._a.png").write_bytes(b"metadata of macOS")
    for number in range(5):
        (folder / "in" / "deep" / f"{number}.md").write_text("text")
    assert main(["encode", "in", "-o", "out", "-r"]) == 0
    named = "notes.txt, deep/._a.png, deep/0.md, deep/1.md, deep/2.md, ..."
    assert f"left out 7 (other file types or links to folders): {named}\n" in capsys.readouterr().err
    assert main(["decode", "out", "-o", "back", "-r"]) == 0
    assert "left out" not in capsys.readouterr().err


@pytest.mark.usefixtures("fake_coder")
def test_files_that_pillow_only_recognises_are_left_out(folder, capsys):
    (folder / "in" / "a.mpg").write_bytes(b"\0\0\1\xb3\x14\0\xf0\x13")
    assert main(["encode", "in", "-r", "-o", "out"]) == 0
    assert f"encoded {len(NAMES)} of {len(NAMES)} files" in capsys.readouterr().err


@pytest.mark.usefixtures("fake_coder")
def test_pipes_in_folders_are_left_out(folder, capsys):
    os.mkfifo(folder / "in" / "pipe.png")
    assert main(["encode", "in", "-r", "-o", "out"]) == 0
    assert "pipe.png" in capsys.readouterr().err


@pytest.mark.usefixtures("fake_coder")
def test_a_reader_that_closes_its_pipe_does_not_stop_other_inputs(folder, capsys):
    # More than a pipe holds.
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)).save("in/a.png")
    os.mkdir("out")
    os.mkfifo("out/a.cmpr")
    reader = threading.Thread(target=lambda: open("out/a.cmpr", "rb").close())
    reader.start()
    assert main(["encode", "in/a.png", "in/b.jpg", "-o", "out"]) == 1
    reader.join(10)
    assert (
        "in/a.png: the reader closed the output out/a.cmpr: start the reader again" in capsys.readouterr().err
    )
    assert (folder / "out" / "b.cmpr").exists()


@pytest.mark.usefixtures("fake_coder")
@pytest.mark.parametrize(("inputs", "threads"), [(["in/a.png"], 3), (["in/a.png", "in/b.jpg"], 1)])
def test_jobs_are_threads_for_one_input(folder, monkeypatch, inputs, threads):
    seen = []
    monkeypatch.setattr(batch, "run_job", lambda job, request: seen.append(request.runtime.threads) or "")
    monkeypatch.setattr(workers, "run_in_processes", lambda f, jobs, n: [(job, f(job)) for job in jobs])
    os.mkdir("out")
    main(["encode", *inputs, "-j", "3", "--skip-existing", "-o", "out"])
    assert seen == [threads] * len(inputs)


@pytest.mark.usefixtures("fake_coder")
def test_all_inputs_are_counted(folder, capsys):
    (folder / "in" / "a.tif").write_bytes((folder / "in" / "a.png").read_bytes())
    assert main(["encode", "in/a.png", "in/a.tif", "in/none.png", "-o", "in"]) == 1
    assert "encoded 1 of 3 files, 2 failed" in capsys.readouterr().err


def test_a_working_directory_that_is_gone(folder, capsys, monkeypatch):
    (folder / "gone").mkdir()
    monkeypatch.chdir(folder / "gone")
    (folder / "gone").rmdir()
    assert main(["encode", "../in/a.png", "b.png"]) == 1
    assert "No such file or directory" in capsys.readouterr().err


@pytest.mark.usefixtures("fake_coder")
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_messages_without_room_cost_no_output(folder, monkeypatch):
    full = open("/dev/full", "w")
    monkeypatch.setattr(sys, "stderr", full)
    assert main(["encode", "in", "-r", "-o", "out"]) == 0
    monkeypatch.undo()
    with pytest.raises(OSError, match="No space left"):
        full.close()
    assert len(list((folder / "out").rglob("*.cmpr"))) == len(NAMES)


@pytest.mark.usefixtures("fake_coder")
def test_bad_files_are_listed_at_the_end(folder, capsys):
    (folder / "in" / "a.png").write_text("text")
    os.mkdir("empty")
    assert main(["encode", "in", "missing", "empty", "-o", "out", "--recursive", "-v"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(files_below(folder / "out")) == 3
    assert lines[-1].startswith("encoded 3 of 6 files, 3 failed, ")
    assert {line.split(": ")[1] for line in lines[-5:-2]} == {"in/a.png", "missing", "empty"}
    assert sum(" -> out/" in line for line in lines[:-5]) == 3


@pytest.mark.usefixtures("fake_coder")
@pytest.mark.parametrize("workers", [[], ["-j", "2"]])
def test_notes_are_printed(folder, workers, capsys):
    Image.new("I;16", (4, 4)).save("in/deep/deep.png")
    assert main(["encode", "in", "-o", "out", "-r", *workers]) == 0
    assert "in/deep/deep.png: note: 16 bits" in capsys.readouterr().err
    assert main(["encode", "in", "-o", "out", "-r", "--quiet", *workers]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("fake_coder")
def test_two_spellings_of_one_path(folder, capsys):
    Image.new("RGB", (4, 4)).save("a.png")
    Image.new("RGB", (4, 4)).save("a.jpg")
    assert main(["encode", "a.png", "./a.jpg"]) == 1
    assert "the output ./a.cmpr was already made" in capsys.readouterr().err


@pytest.mark.usefixtures("fake_coder")
def test_links_to_folders_are_named(folder, capsys):
    os.symlink("..", "in/round")
    assert main(["encode", "in", "-o", "out", "-r"]) == 0
    assert "links to folders): round, notes.txt" in capsys.readouterr().err


@pytest.mark.usefixtures("fake_coder")
def test_an_output_that_is_another_input(folder, capsys):
    os.mkdir("other")
    Image.new("RGB", (4, 4)).save("other/a.png")
    Image.new("RGB", (4, 4)).save("a.cmpr", "PNG")
    before = (folder / "a.cmpr").read_bytes()
    assert main(["encode", "other/a.png", "a.cmpr", "-o", "."]) == 1
    assert "the output ./a.cmpr is an input" in capsys.readouterr().err
    assert (folder / "a.cmpr").read_bytes() == before


@pytest.mark.usefixtures("fake_coder")
def test_skip_existing_restarts_where_it_was(folder, capsys):
    assert main(["encode", "in", "-o", "out", "-r", "--quiet"]) == 0
    whole = files_below(folder / "out")
    os.unlink("out/b.cmpr")
    (folder / "out" / "a.cmpr").write_text("kept as it is")
    assert main(["encode", "in", "-o", "out", "-r", "--skip-existing"]) == 0
    assert "\nencoded 1 of 4 files, 3 skipped, " in capsys.readouterr().err
    assert files_below(folder / "out") == whole | {"a.cmpr": b"kept as it is"}


@pytest.mark.usefixtures("fake_coder")
def test_conflicting_outputs_are_reported_even_when_skipped(folder, capsys):
    Image.new("RGB", (4, 4)).save("in/a.bmp")
    for _ in range(2):
        assert main(["encode", "in", "-o", "out", "-r", "--skip-existing"]) == 1
        assert "in/a.png: the output out/a.cmpr was already made" in capsys.readouterr().err


@pytest.mark.usefixtures("fake_coder")
def test_a_folder_needs_recursive_and_a_folder_to_go_to(folder, capsys):
    assert main(["encode", "in"]) == 1
    assert "--recursive" in capsys.readouterr().err
    (folder / "file").write_text("")
    with pytest.raises(SystemExit):
        main(["encode", "in", "-o", "file", "-r"])
    assert "expected a folder" in capsys.readouterr().err


@pytest.mark.usefixtures("fake_coder")
def test_progress_is_for_terminals(folder, capsys, monkeypatch):
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True, raising=False)
    assert main(["encode", "in", "-o", "out", "-r"]) == 0
    message = capsys.readouterr().err
    assert "\r\x1b[K1/4, " in message
    assert " images/s, 0:00:0" in message
    left_out = "left out 1 (other file types or links to folders): notes.txt"
    assert f"\r\x1b[K{left_out}\nencoded 4 of 4 files" in message


@pytest.mark.usefixtures("fake_coder")
def test_progress_does_not_wrap_on_narrow_terminals(folder, capsys, monkeypatch):
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True, raising=False)
    monkeypatch.setenv("COLUMNS", "12")
    assert main(["encode", "in", "-o", "out", "-r"]) == 0
    first = capsys.readouterr().err.split("\r\x1b[K")[1]
    assert len(first) == 11
    assert first.startswith("1/4, ")


def test_results_do_not_depend_on_the_number_of_processes(folder, tiny_folder, capsys):
    (folder / "in" / "bad.png").write_text("text")
    common = ["encode", "in", "-r", "--weights", str(tiny_folder)]
    found = []
    for jobs in ([], ["-j", "1"], ["-j", "2"]):
        out = f"out{len(found)}"
        assert main([*common, "-o", out, *jobs]) == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].startswith("compressor: in/bad.png: ")
        assert lines[-1].startswith("encoded 4 of 5 files, 1 failed, ")
        found.append(files_below(folder / out))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 4
