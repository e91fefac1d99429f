"""What the packages for NuGet have in them: form, contents, modes. Needs Python only."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
import zipfile

FOLDER = pathlib.Path(__file__).resolve().parents[1]
ROOT = FOLDER.parents[1]
HELPER = FOLDER / "WfiEmulator.Testing"
#: Those of the workflow that publishes.
PLATFORMS = ["linux-arm64", "linux-x64", "osx-arm64", "osx-x64", "win-x64"]
NUSPEC = "{http://schemas.microsoft.com/packaging/2012/06/nuspec.xsd}"
TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
RELATIONSHIPS = "{http://schemas.openxmlformats.org/package/2006/relationships}"


def program(platform):
    """Returns what stands for the program of a platform. It cannot be executed, as after a download of an artifact."""
    return f"the program for {platform}".encode()


def pack(folder, platforms=PLATFORMS):
    with tempfile.TemporaryDirectory() as programs:
        given = []
        for platform in platforms:
            path = pathlib.Path(programs) / platform
            path.write_bytes(program(platform))
            given.append(f"{platform}={path}")
        written = subprocess.run([sys.executable, FOLDER / "pack", folder, *given], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return [pathlib.Path(path) for path in written]


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.version = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
        cls.packages = {}
        for path in pack(cls.folder.name):
            cls.packages[path.name.removesuffix(f".{cls.version}.nupkg")] = zipfile.ZipFile(path)
        for archive in cls.packages.values():
            cls.addClassCleanup(archive.close)

    def metadata(self, identifier):
        return ElementTree.fromstring(self.packages[identifier].read(f"{identifier}.nuspec")).find(f"{NUSPEC}metadata")

    def test_there_is_a_package_for_each_platform_and_two_for_all(self):
        expected = {"wfi-emulator", "WfiEmulator.Testing", *(f"wfi-emulator.{platform}" for platform in PLATFORMS)}
        self.assertEqual(set(self.packages), expected)

    def test_archives_are_whole_sorted_and_without_the_date_of_the_build(self):
        for identifier, archive in self.packages.items():
            with self.subTest(identifier):
                self.assertIsNone(archive.testzip())
                names = archive.namelist()
                self.assertEqual(names[0], f"{identifier}.nuspec")
                self.assertEqual(names[1:], sorted(set(names[1:])))
                self.assertEqual({entry.date_time for entry in archive.infolist()}, {(1980, 1, 1, 0, 0, 0)})
                self.assertEqual({entry.create_system for entry in archive.infolist()}, {3}, "modes count on Unix only")

    def test_the_same_inputs_give_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as again:
            for path in pack(again, reversed(PLATFORMS)):
                self.assertEqual(path.read_bytes(), (pathlib.Path(self.folder.name) / path.name).read_bytes(), path.name)

    def test_manifests_have_what_a_registry_asks_for(self):
        for identifier in self.packages:
            with self.subTest(identifier):
                metadata = self.metadata(identifier)
                text = {child.tag.removeprefix(NUSPEC): child.text for child in metadata}
                self.assertEqual((text["id"], text["version"], text["license"]), (identifier, self.version, "MIT"))
                self.assertEqual(metadata.find(f"{NUSPEC}license").attrib, {"type": "expression"})
                self.assertTrue(text["authors"] and text["description"])
                self.assertIn(text["readme"], self.packages[identifier].namelist())

    def test_the_manifest_is_found_by_its_relationship(self):
        for identifier, archive in self.packages.items():
            [relationship] = ElementTree.fromstring(archive.read("_rels/.rels")).findall(f"{RELATIONSHIPS}Relationship")
            self.assertEqual(relationship.attrib["Type"], "http://schemas.microsoft.com/packaging/2010/07/manifest")
            self.assertEqual(relationship.attrib["Target"], f"/{identifier}.nuspec")

    def test_each_part_has_a_content_type(self):
        for identifier, archive in self.packages.items():
            root = ElementTree.fromstring(archive.read("[Content_Types].xml"))
            extensions = {child.attrib["Extension"] for child in root.findall(f"{TYPES}Default")}
            paths = {child.attrib["PartName"] for child in root.findall(f"{TYPES}Override")}
            parts = [name for name in archive.namelist() if name != "[Content_Types].xml"]
            for name in parts:
                base = name.rpartition("/")[2]
                found = base.rpartition(".")[2] in extensions if "." in base else f"/{name}" in paths
                self.assertTrue(found, f"{identifier}: {name} has no content type")
            self.assertLessEqual(paths, {f"/{name}" for name in parts})

    def test_programs_alone_can_be_executed(self):
        for identifier, archive in self.packages.items():
            for entry in archive.infolist():
                is_program = entry.filename.rpartition("/")[2] in ("wfi-emulator", "wfi-emulator.exe")
                self.assertEqual(entry.external_attr >> 16, 0o100755 if is_program else 0o100644, f"{identifier}: {entry.filename}")
                if is_program:
                    platform = next(platform for platform in PLATFORMS if platform in entry.filename)
                    self.assertEqual(archive.read(entry), program(platform))

    def test_the_tool_names_a_package_for_each_platform(self):
        self.assertEqual([child.attrib for child in self.metadata("wfi-emulator").iter(f"{NUSPEC}packageType")], [{"name": "DotnetTool"}])
        settings = ElementTree.fromstring(self.packages["wfi-emulator"].read("tools/any/any/DotnetToolSettings.xml"))
        self.assertEqual((settings.tag, settings.attrib), ("DotNetCliTool", {"Version": "2"}))
        self.assertEqual([command.attrib for command in settings.iter("Command")], [{"Name": "wfi-emulator"}])
        named = [entry.attrib for entry in settings.find("RuntimeIdentifierPackages")]
        self.assertEqual(named, [{"RuntimeIdentifier": platform, "Id": f"wfi-emulator.{platform}"} for platform in PLATFORMS])

    def test_the_package_of_a_platform_has_its_program_as_the_command(self):
        for platform in PLATFORMS:
            identifier = f"wfi-emulator.{platform}"
            types = [child.attrib for child in self.metadata(identifier).iter(f"{NUSPEC}packageType")]
            self.assertEqual(types, [{"name": "DotnetToolRidPackage"}])
            archive = self.packages[identifier]
            settings = ElementTree.fromstring(archive.read(f"tools/any/{platform}/DotnetToolSettings.xml"))
            self.assertEqual(settings.attrib, {"Version": "2"})
            [command] = settings.iter("Command")
            name = "wfi-emulator.exe" if platform == "win-x64" else "wfi-emulator"
            self.assertEqual(command.attrib, {"Name": "wfi-emulator", "EntryPoint": name, "Runner": "executable"})
            self.assertIn(f"tools/any/{platform}/{name}", archive.namelist())

    def test_the_helper_has_its_sources_and_all_programs(self):
        archive = self.packages["WfiEmulator.Testing"]
        metadata = self.metadata("WfiEmulator.Testing")
        self.assertEqual(metadata.find(f"{NUSPEC}developmentDependency").text, "true")
        self.assertIsNone(metadata.find(f"{NUSPEC}packageTypes"))
        [group] = metadata.find(f"{NUSPEC}dependencies")
        self.assertEqual((group.attrib, len(group)), ({"targetFramework": ".NETStandard2.0"}, 0))
        [files] = metadata.find(f"{NUSPEC}contentFiles")
        self.assertEqual(files.attrib, {"include": "cs/net8.0/WfiEmulator/*.cs", "buildAction": "Compile"})
        prefix = "contentFiles/cs/net8.0/WfiEmulator/"
        packed = {name.removeprefix(prefix): archive.read(name) for name in archive.namelist() if name.startswith("contentFiles/")}
        self.assertEqual(packed, {path.name: path.read_bytes() for path in HELPER.glob("*.cs")})
        self.assertEqual(archive.read("lib/netstandard2.0/_._"), b"")
        programs = {name for name in archive.namelist() if name.startswith("runtimes/")}
        expected = {f"runtimes/{platform}/native/wfi-emulator{'.exe' * (platform == 'win-x64')}" for platform in PLATFORMS}
        self.assertEqual(programs, expected)


class Sources(unittest.TestCase):
    """What the compiler alone does not say of files that any project compiles."""

    def test_files_state_what_they_need(self):
        for path in HELPER.glob("*.cs"):
            lines = path.read_text(encoding="utf-8").splitlines()
            self.assertEqual(lines[0], "#nullable enable", path.name)
            self.assertTrue(lines[1].startswith("// <auto-generated>"), f"{path.name}: analyzers of the user look at it")
            self.assertIn("namespace WfiEmulator.Testing;", lines)
            used = [line for line in lines if line.startswith("using ")]
            self.assertEqual(used, sorted(set(used), key=lambda line: line.rstrip(";")))
            for line in used:
                self.assertRegex(line, r"^using System(\.[A-Za-z0-9]+)*;$", f"{path.name}: a package that the project may lack")

    def test_types_are_internal(self):
        for path in HELPER.glob("*.cs"):
            text = path.read_text(encoding="utf-8")
            for line in re.findall(r"^\S.*\b(?:class|struct|record|interface|enum)\b.*$", text, re.MULTILINE):
                if not line.startswith("///"):
                    self.assertTrue(line.startswith("internal "), f"{path.name}: {line}")


class Verbs(unittest.TestCase):
    """The helpers of the languages can do the same: the table in docs/testing.md is whole, and each name in it exists."""

    def table(self):
        text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
        rows = re.search(r"^\| \| Python \| Node \| C# \|\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE)[1]
        return [[re.findall(r"`([A-Za-z_]+)", cell) for cell in row.strip().strip("|").split("|")[1:]] for row in rows.splitlines()]

    def test_each_name_exists_and_no_name_is_missing(self):
        python = (ROOT / "packages/python/wfi_emulator/_emulator.py").read_text(encoding="utf-8")
        node = (ROOT / "packages/npm/wfi-emulator/index.d.ts").read_text(encoding="utf-8")
        helper = {path.name: path.read_text(encoding="utf-8") for path in HELPER.glob("*.cs")}
        emulator, world = (helper[name].split("\n}\n")[0] for name in ("Emulator.cs", "World.cs"))
        members = re.compile(r"^    public (?!override)(?:static )?(?:async )?(?:implicit operator )?[A-Za-z<>?\[\], ]+? ([A-Z][A-Za-z]*)(?= =>| \{|\(|\n)", re.MULTILINE)
        have = [
            set(re.findall(r"^    def ([a-z][a-z_]*)\(", python, re.MULTILINE)) | set(re.findall(r"^        self\.([a-z][a-z_]*)\b", python, re.MULTILINE)),
            set(re.findall(r"^  (?:readonly )?([a-z][A-Za-z]*)\??[(:]", node.split("export class World")[1], re.MULTILINE)),
            set(members.findall(emulator)) | set(members.findall(world)),
        ]
        # `status` is that of an error, and standard error is read in Python only once a start has failed.
        have[0] -= {"status"}
        have[0] |= {"Emulator"}
        have[1] |= {"start"}
        listed = [set(), set(), set()]
        for row in self.table():
            for language, names in enumerate(row):
                listed[language] |= set(names)
        for language, names in zip(("Python", "Node", "C#"), zip(listed, have)):
            self.assertEqual(*names, f"{language}: the table in docs/testing.md, and the helper")


if __name__ == "__main__":
    unittest.main()
