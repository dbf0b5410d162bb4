"""The order of tests, several of which run at one time."""


def pytest_collection_modifyitems(items):
    """Files that take minutes are begun first: at the end, one would run alone while all other processes idle."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
