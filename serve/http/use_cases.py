"""Use cases by type: a route names the class it calls, and gets the object that its replica has of it."""

from functools import cache
from typing import Any, TypeVar, cast

from fastapi import Depends, Request

T = TypeVar("T")


class UseCases:
    """The objects of one replica that requests need, at most one of each class."""

    def __init__(self, *objects: object) -> None:
        self._objects = objects
        self._by_type = {type(each): each for each in objects}
        assert len(self._by_type) == len(objects), "a class names one object"

    def including(self, *objects: object) -> "UseCases":
        """These and more."""
        return UseCases(*self._objects, *objects)

    def get(self, kind: type[T]) -> T:
        return cast(T, self._by_type[kind])


def use_case(request: Request, kind: type[T]) -> T:
    """The object of a class, of the application that a request came to."""
    return cast(UseCases, request.app.state.use_cases).get(kind)


@cache
def use(kind: type) -> Any:
    """Declare, within `Annotated`, that a parameter of a route is the replica's object of a class."""

    async def provide(request: Request) -> object:
        return use_case(request, kind)

    return Depends(provide)
