"""The generation of Akida that conversion targets."""

import threading

import pytest

from cnn2snn import AkidaVersion, get_akida_version, set_akida_version

VARIABLE = "CNN2SNN_TARGET_AKIDA_VERSION"


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def test_default_is_the_documented_one_and_the_environment_wins(monkeypatch):
    assert get_akida_version() is AkidaVersion.v2
    monkeypatch.setenv(VARIABLE, "v1")
    assert get_akida_version() is AkidaVersion.v1
    with set_akida_version(AkidaVersion.v2):
        assert get_akida_version() is AkidaVersion.v2
    monkeypatch.setenv(VARIABLE, "v3")
    with pytest.raises(ValueError, match="must be v1 or v2, received 'v3'"):
        get_akida_version()


def test_blocks_nest_and_end_with_errors():
    with set_akida_version(AkidaVersion.v1):
        with pytest.raises(KeyError), set_akida_version(AkidaVersion.v2):
            raise KeyError
        assert get_akida_version() is AkidaVersion.v1
    assert get_akida_version() is AkidaVersion.v2


def test_threads_do_not_see_each_other():
    seen = []
    with set_akida_version(AkidaVersion.v1):
        thread = threading.Thread(target=lambda: seen.append(get_akida_version()))
        thread.start()
        thread.join()
    assert seen == [AkidaVersion.v2]


def test_only_versions_are_accepted():
    with pytest.raises(TypeError, match="must be an AkidaVersion, received 'v1'"), set_akida_version("v1"):
        pass
