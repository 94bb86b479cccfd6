"""What holds the repository together: lists, descriptions, versions, icons, and which way imports point."""

import ast
import importlib.metadata
import json
import re
import struct
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from update_cmake_lists import MODULES, RESOURCES, SCRIPTS, files_listed, files_on_disk  # noqa: E402

LIBRARIES = {"LDCTDenoiseLib": ROOT / "LDCTDenoise", "LDCTDenoiseTrainingLib": ROOT / "LDCTDenoiseTraining"}
HEAVY = ("torch", "SimpleITK", "skimage", "pydicom", "matplotlib", "scipy", "llvmlite")
MAX_BYTES = 2_000_000


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _source_files() -> list[Path]:
    """The files of the repository: those that git knows or would add; those of the folders where there is no git."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
        found = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        found = [p for folder in (*MODULES, "Testing", "tools", "docs") for p in (ROOT / folder).rglob("*")]
    return [p for p in found if p.is_file() and "__pycache__" not in p.parts]


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def _imports(path: Path) -> set[str]:
    """The first parts of the absolute names that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "__import__", "require") and isinstance(node.args[0].value, str):
                names.add(node.args[0].value.split(".")[0])
    return names


#
# What Slicer builds and lists
#


@pytest.mark.parametrize("variable", [SCRIPTS, RESOURCES])
@pytest.mark.parametrize("module", MODULES)
def test_cmake_lists_exactly_the_files_on_disk(module, variable):
    listed = files_listed(_read(f"{module}/CMakeLists.txt"), variable)
    on_disk = files_on_disk(ROOT / module, variable)
    assert on_disk, f"{module} has no files for {variable}"
    assert listed == on_disk, "`make lists` rewrites the lists"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_named_as_its_folder(module):
    assert re.search(rf"^set\(MODULE_NAME {module}\)$", _read(f"{module}/CMakeLists.txt"), re.MULTILINE)
    assert (ROOT / module / f"{module}.py").is_file()
    assert re.search(rf"^add_subdirectory\({module}\)$", _read("CMakeLists.txt"), re.MULTILINE)


def test_installed_modules_do_not_overwrite_each_other():
    """They share one flat folder."""
    seen = {}
    for module in MODULES:
        for variable in (SCRIPTS, RESOURCES):
            for name in files_on_disk(ROOT / module, variable):
                assert seen.setdefault(name, module) == module, f"{name} is in {seen[name]} and in {module}"


def _cmake_description() -> dict[str, str]:
    text = _read("CMakeLists.txt")
    values = dict(re.findall(r'^set\(EXTENSION_([A-Z]+) "([^"\n]*)"\)$', text, re.MULTILINE))
    values["NAME"] = re.search(r"^project\((\w+)\)$", text, re.MULTILINE).group(1)
    return values


def _s4ext() -> dict[str, str]:
    lines = (line.strip() for line in _read("LDCTDenoise.s4ext").splitlines())
    return dict((line.split(None, 1) + [""])[:2] for line in lines if line and not line.startswith("#"))


def test_cmake_carries_the_whole_description_each_on_one_line():
    keys = {"HOMEPAGE", "CATEGORY", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"}
    description = _cmake_description()
    assert keys <= description.keys()
    assert all(description[key].strip() for key in keys)
    assert description["NAME"] == "LDCTDenoise"


def test_the_description_says_what_a_reviewer_and_a_user_look_for():
    """Understandable without the field's acronyms; research use, paper and patents are named."""
    cmake = _cmake_description()
    for words in ("radiation", "Research use", "10.48550/arXiv.1811.10564", "Patents"):
        assert words in cmake["DESCRIPTION"]
    assert "issues" in cmake["CONTRIBUTORS"]
    readme = _read("README.md")
    for words in ("Patents", "10.48550/arXiv.1811.10564", "Apache-2.0", "*LDCT Denoise*", "*LDCT Denoise Training*"):
        assert words in readme, words
    assert "10.48550/arXiv.1811.10564" in _read("CITATION.cff")


@pytest.mark.parametrize("module", MODULES)
def test_a_module_stands_in_the_extensions_category_and_depends_on_what_there_is(module):
    text = _read(f"{module}/{module}.py")
    # Said once, for both.
    shared = _read("LDCTDenoise/LDCTDenoiseSlicer/module.py")
    category = re.search(r'translate\("qSlicerAbstractCoreModule", "([^"]+)"\)', shared)[1]
    assert category.split(".")[0] == _cmake_description()["CATEGORY"]
    depends = ast.literal_eval(re.search(r"self\.parent\.dependencies = (\[.*\])", text)[1])
    assert set(depends) <= set(MODULES) - {module}


def test_the_homepage_is_written_in_one_step(tmp_path):
    from set_homepage import FILES, set_homepage

    for name in FILES:
        (tmp_path / name).write_text(_read(name), encoding="utf-8")
    before = set_homepage("https://github.com/someone/SlicerElse", tmp_path)
    assert all(before not in (tmp_path / name).read_text(encoding="utf-8") for name in FILES)
    assert "raw.githubusercontent.com/someone/SlicerElse/main/" in (tmp_path / "CMakeLists.txt").read_text("utf-8")
    # There is no other place: what is not in these files is not written.
    there = {p.name for p in _source_files() if p.suffix != ".png" and before in p.read_text("utf-8", "ignore")}
    assert there <= set(FILES)
    for bad in ("https://example.org/a/SlicerB", "https://github.com/a/Denoise", ""):
        with pytest.raises(ValueError, match="index"):
            set_homepage(bad, tmp_path)


def test_cmake_and_s4ext_agree():
    cmake, s4ext = _cmake_description(), _s4ext()
    for key in ("HOMEPAGE", "CATEGORY", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"):
        assert s4ext[key.lower()] == cmake[key], key


def test_cmake_and_index_entry_agree():
    cmake, s4ext, entry = _cmake_description(), _s4ext(), json.loads(_read("LDCTDenoise.json"))
    assert entry["category"] == cmake["CATEGORY"]
    assert entry["build_dependencies"] == [name for name in cmake["DEPENDS"].split() if name != "NA"]
    assert entry["scm_url"].removesuffix(".git") == cmake["HOMEPAGE"]
    assert entry["scm_url"] == s4ext["scmurl"]
    assert entry["scm_revision"] == s4ext["scmrevision"]
    assert entry["build_subdirectory"] == s4ext["build_subdirectory"]


def test_index_entry_has_the_form_of_the_schema():
    entry = json.loads(_read("LDCTDenoise.json"))
    assert re.search(r"/slicer-extension-catalog-entry-schema-v1\.0\.[12]\.json#?$", entry["$schema"])
    assert {"$schema", "category", "scm_url"} <= entry.keys()
    known = {"$schema", "build_dependencies", "build_subdirectory", "category", "scm_revision", "scm_type", "scm_url"}
    assert entry.keys() <= known | {"enabled", "tier"}
    assert isinstance(entry["tier"], int) and 1 <= entry["tier"] <= 5
    # The index refuses a repository whose name does not begin so, and an extension whose name does.
    assert entry["scm_url"].rsplit("/", 1)[1].startswith("Slicer")


def test_urls_of_pictures_name_files_that_exist():
    cmake, branch = _cmake_description(), json.loads(_read("LDCTDenoise.json"))["scm_revision"]
    owner_and_name = cmake["HOMEPAGE"].removeprefix("https://github.com/")
    for url in [cmake["ICONURL"], *cmake["SCREENSHOTURLS"].split()]:
        _, _, path = url.partition(f"/{owner_and_name}/{branch}/")
        assert path and (ROOT / path).is_file(), url


@pytest.mark.parametrize(
    "path", ["Resources/LDCTDenoise.png", *(f"{module}/Resources/Icons/{module}.png" for module in MODULES)]
)
def test_icons_are_128_by_128(path):
    head = (ROOT / path).read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == (128, 128)


#
# Versions and pins
#


def test_versions_agree():
    version = re.search(r'^__version__ = "([^"]+)"$', _read("LDCTDenoise/LDCTDenoiseLib/__init__.py"), re.MULTILINE)
    citation = _read("CITATION.cff")
    changelog = re.search(r"^## \[?v?(\d[^\s\]]*)\]?(?: - (\S+))?", _read("CHANGELOG.md"), re.MULTILINE)
    assert changelog.group(1) == version.group(1)
    assert re.search(r"^version: (.+)$", citation, re.MULTILINE).group(1).strip("\"'") == version.group(1)
    assert re.search(r"^date-released: (.+)$", citation, re.MULTILINE).group(1).strip("\"'") == changelog.group(2)


def _locked() -> dict[str, list[str]]:
    """The pins of the lock file: those of `make demo`, and those that the tests need beside."""
    run, _, test = _read("requirements/lock.txt").partition("# From here on for `make test` alone.")
    lines = {kind: [x for x in text.splitlines() if "==" in x] for kind, text in (("run", run), ("test", test))}
    assert lines["run"] and lines["test"], "requirements/set-up cuts the file at that comment"
    return lines


def test_what_the_wheel_asks_for_is_locked_for_the_commands():
    """Every dependency of pyproject.toml has a pin that `make demo` installs."""
    block = re.search(r"^dependencies = \[(.*?)^\]", _read("pyproject.toml"), re.MULTILINE | re.DOTALL).group(1)
    asked = {re.match(r"[\w-]+", name).group() for name in re.findall(r'"([^"]+)"', block)}
    assert asked and asked <= {line.split("==")[0] for line in _locked()["run"]}


def test_every_requirement_is_pinned_and_so_is_what_it_needs():
    lines = [line for kind in _locked().values() for line in kind]
    for line in lines:
        assert re.fullmatch(r'[A-Za-z0-9_.-]+==[\d.]+(; python_version (<|>=) "3\.\d+")?', line), line
    locked = {_plain(line.split("==")[0]) for line in lines}
    for name in locked - {"torch"}:  # a GPU's build, where a user has put one, brings libraries along
        try:
            needed = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another Python
        for requirement in map(Requirement, needed):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                assert _plain(requirement.name) in locked, f"{name} needs {requirement.name}"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


#
# Which way imports point
#


@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_do_not_know_slicer(library):
    files = sorted((LIBRARIES[library] / library).rglob("*.py"))
    assert files
    foreign = {"slicer", "qt", "ctk", "mrml", "LDCTDenoiseSlicer", "LDCTDenoise"}
    for path in files:
        # Most do not even have such a word; the others are looked at closely.
        if foreign & set(re.findall(r"\w+", path.read_text(encoding="utf-8"))):
            assert not _imports(path) & foreign, path


@pytest.mark.slow
def test_the_denoising_library_does_not_know_training():
    for folder in ("LDCTDenoiseLib", "LDCTDenoiseSlicer"):
        for path in sorted((ROOT / "LDCTDenoise" / folder).rglob("*.py")):
            assert not _imports(path) & {"LDCTDenoiseTraining", "LDCTDenoiseTrainingLib"}, path


#: What a module of Slicer may import at file scope: the index looks for it.
_SLICERS = {"slicer", "vtk", "qt", "ctk", "numpy", "scipy", "SimpleITK"}


def _file_scope(path: Path):
    """Yield (module, level, names) of the imports that are done when a file is imported."""
    stack = list(_tree(path).body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.level, [alias.name for alias in node.names]
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            stack += [n for n in ast.iter_child_nodes(node) if isinstance(n, (ast.stmt, ast.ExceptHandler))]


def _ours(dotted: str) -> list[Path]:
    """The files of our own that importing a name runs."""
    parts = dotted.split(".")
    found = []
    for folder in MODULES:
        for count in range(1, len(parts) + 1):
            place = (ROOT / folder).joinpath(*parts[:count])
            found += [p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file()]
    return found


@pytest.mark.slow
def test_nothing_third_party_is_imported_at_file_scope_by_what_slicer_loads():
    waiting = [ROOT / module / f"{module}.py" for module in MODULES]
    waiting += [path for module in MODULES for path in (ROOT / module / f"{module}Slicer").rglob("*.py")]
    seen, strange = set(), {}
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        package = list(path.relative_to(ROOT).parts[1:-1])
        for module, level, names in _file_scope(path):
            above = package[: len(package) - level + 1] if level else []
            dotted = ".".join([*above, *filter(None, [module])])
            files = [file for name in (dotted, *(f"{dotted}.{n}" for n in names)) for file in _ours(name)]
            waiting += files
            if not files and dotted.split(".")[0] not in _SLICERS | sys.stdlib_module_names:
                strange.setdefault(dotted, []).append(str(path.relative_to(ROOT)))
    assert len(seen) > 150 and strange == {}


def test_importing_the_library_is_cheap():
    """Slicer imports every module when it starts."""
    code = (
        "import sys, LDCTDenoiseLib, LDCTDenoiseLib.cli.main\n"
        f"print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "LDCTDenoise", capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []


#
# A room per idea, and nothing that does not belong into a repository
#


def test_no_name_stands_in_four_places():
    """A name that is everywhere says nothing."""
    names = Counter(p.name for p in _source_files() if p.suffix == ".py" and not p.name.startswith("__"))
    assert names and {name: n for name, n in names.items() if n > 3} == {}


def test_no_file_is_big():
    sizes = {str(p.relative_to(ROOT)): p.stat().st_size for p in _source_files()}
    assert {name: size for name, size in sizes.items() if size > MAX_BYTES} == {}
