"""What NuGet's own reader finds in the packages, and what the compiler of C# 12 says of the sources. Run by packages/nuget/check."""

import os
import pathlib
import sys
import tempfile
import unittest
import zipfile

FOLDER = pathlib.Path(__file__).resolve().parents[1]
ROOT = FOLDER.parents[1]
sys.path.insert(0, str(FOLDER))
import dotnet

PACKED = pathlib.Path(os.environ["PACKED"])
SAMPLES = ROOT / "examples" / "spawn" / "csharp"
dotnet.load()


def open_package(identifier):
    from NuGet.Packaging import PackageArchiveReader

    [path] = PACKED.glob(f"{identifier}.[0-9]*.nupkg")
    return PackageArchiveReader(str(path))


class Reader(unittest.TestCase):
    def assets(self, framework, platform=None):
        """Returns the files that a restore selects from the helper: content and native assets."""
        from NuGet.Client import ManagedCodeConventions
        from NuGet.ContentModel import ContentItemCollection
        from NuGet.Frameworks import NuGetFramework
        from NuGet.RuntimeModel import RuntimeGraph
        from System.Collections.Generic import List

        files = List[str]()
        for name in open_package("WfiEmulator.Testing").GetFiles():
            files.Add(name)
        items = ContentItemCollection()
        items.Load(files)
        conventions = ManagedCodeConventions(RuntimeGraph())
        parsed = NuGetFramework.Parse(framework)
        criteria = conventions.Criteria.ForFrameworkAndRuntime(parsed, platform) if platform else conventions.Criteria.ForFramework(parsed)
        found = []
        for patterns in (conventions.Patterns.ContentFiles, conventions.Patterns.NativeLibraries, conventions.Patterns.CompileRefAssemblies):
            group = items.FindBestItemGroup(criteria, patterns)
            found.append(sorted(item.Path for item in group.Items) if group else [])
        return found

    def test_sources_and_the_program_are_selected_by_framework_and_platform(self):
        sources = [f"contentFiles/cs/net8.0/WfiEmulator/{path.name}" for path in sorted((FOLDER / "WfiEmulator.Testing").glob("*.cs"))]
        for framework in ("net8.0", "net9.0", "net10.0"):
            content, native, _ = self.assets(framework, "linux-x64")
            self.assertEqual(content, sources, framework)
            self.assertEqual(native, ["runtimes/linux-x64/native/wfi-emulator"])
            self.assertEqual(self.assets(framework, "win-x64")[1], ["runtimes/win-x64/native/wfi-emulator.exe"])
        for framework in ("net48", "netstandard2.0", "net6.0"):
            self.assertEqual(self.assets(framework)[0], [], f"{framework} has a C# before 12")

    def test_the_package_is_compatible_with_each_framework(self):
        # `_._` says that there is nothing to reference.
        groups = list(open_package("WfiEmulator.Testing").GetLibItems())
        self.assertEqual([(str(group.TargetFramework), list(group.Items)) for group in groups], [(".NETStandard,Version=v2.0", [])])

    def test_manifests_are_read(self):
        types = {"wfi-emulator": ["DotnetTool"], "wfi-emulator.linux-x64": ["DotnetToolRidPackage"], "WfiEmulator.Testing": []}
        for identifier, expected in types.items():
            reader = open_package(identifier).NuspecReader
            self.assertEqual([kind.Name for kind in reader.GetPackageTypes()], expected)
            self.assertEqual((reader.GetId(), reader.GetReadme(), reader.GetLicenseMetadata().License), (identifier, "README.md", "MIT"))
        helper = open_package("WfiEmulator.Testing").NuspecReader
        self.assertTrue(helper.GetDevelopmentDependency())
        [content] = helper.GetContentFiles()
        self.assertEqual((content.Include, content.BuildAction), ("cs/net8.0/WfiEmulator/*.cs", "Compile"))
        [group] = helper.GetDependencyGroups()
        self.assertEqual(list(group.Packages), [])


class Compiler(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        with zipfile.ZipFile(next(PACKED.glob("WfiEmulator.Testing.*.nupkg"))) as archive:
            archive.extractall(self.folder, [name for name in archive.namelist() if name.startswith("contentFiles/")])
        self.sources = sorted(self.folder.glob("contentFiles/**/*.cs"))

    def test_the_helper_needs_the_runtime_alone(self):
        self.assertEqual(dotnet.compile(self.sources, self.folder / "helper.dll", library=True, frameworks=dotnet.FRAMEWORKS[:1]), [])

    def test_newer_syntax_and_a_missing_using_are_found(self):
        for text, expected in [
            ('class A { string Text => "\\e"; }', "CS1009"),
            ("class A { void F(params System.Collections.Generic.List<int> numbers) { } }", "CS0225"),
            ("class A { Task F() => null; }", "CS0246"),
            ("class A { int F( => 1; }", "CS1001"),
        ]:
            path = self.folder / "other.cs"
            path.write_text(text)
            found = dotnet.compile([path], self.folder / "other.dll", library=True)
            self.assertTrue(any(expected in message for message in found), (text, found))

    def test_samples_use_the_helper_and_the_frameworks_as_declared(self):
        projects = sorted(path.parent for path in SAMPLES.glob("*/*.csproj"))
        self.assertEqual([path.name for path in projects], ["aspire", "mstest", "nunit", "web", "webapp", "xunit2", "xunit3"])
        for project in projects:
            with self.subTest(project.name):
                is_program = project.name in ("aspire", "webapp")
                sources = [*project.glob("*.cs"), *(FOLDER / "tests" / "frameworks").glob(f"{project.name}.cs")]
                references = dotnet.libraries()
                if project.name == "web":
                    references.append(self.folder / "app" / "webapp.dll")
                    references[-1].parent.mkdir()
                    self.assertEqual(dotnet.compile([*SAMPLES.glob("webapp/*.cs")], references[-1], dotnet.libraries()), [])
                if not is_program:
                    sources += self.sources
                messages = dotnet.compile(sources, self.folder / f"{project.name}.dll", references, library=not is_program)
                self.assertEqual(messages, [])

    def test_the_snippets_of_the_readme_are_those_of_a_sample(self):
        readme = (FOLDER / "WfiEmulator.Testing" / "README.md").read_text(encoding="utf-8")
        fixture = readme.split("```csharp\n")[2].split("```")[0]
        path = self.folder / "Readme.cs"
        path.write_text(fixture, encoding="utf-8")
        messages = dotnet.compile([*self.sources, path, FOLDER / "tests" / "frameworks" / "xunit2.cs"], self.folder / "readme.dll", library=True)
        # The class of the example has no test that uses its world.
        self.assertEqual([message for message in messages if "CS0414" not in message], [])

    def test_the_helper_is_compiled_for_the_test_that_runs_it(self):
        output = pathlib.Path(os.environ["HELPER_TEST_OUTPUT"])
        self.assertEqual(dotnet.compile([*self.sources, FOLDER / "tests" / "HelperTest.cs"], output, dotnet.libraries()), [])

    def test_the_program_for_the_command_run_is_compiled(self):
        output = pathlib.Path(os.environ["HELPER_TEST_OUTPUT"]).with_name("RunTest.dll")
        self.assertEqual(dotnet.compile([FOLDER / "tests" / "RunTest.cs"], output, dotnet.libraries()), [])


if __name__ == "__main__":
    unittest.main()
