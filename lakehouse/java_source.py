"""Java files beside these modules, compiled at start by Janino, which Spark brings for the code that it
generates: no build step."""

from pathlib import Path
from typing import Any


def compiled(spark: Any, file: Path) -> Any:
    """Janino's SimpleCompiler with the file's classes in it."""
    jvm = spark._jvm
    compiler = jvm.org.codehaus.janino.SimpleCompiler()
    compiler.setParentClassLoader(jvm.java.lang.ClassLoader.getSystemClassLoader())
    compiler.cook(file.read_text(encoding="utf-8"))
    return compiler
