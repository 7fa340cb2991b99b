"""Operations of torch's exported programs that coremltools 9 has no translation for."""

from __future__ import annotations

from typing import Any


def register() -> None:
    """Teach the converter `alias` and `index_add`; again is as good as once."""
    from coremltools.converters.mil import Builder
    from coremltools.converters.mil.frontend.torch.ops import _get_inputs
    from coremltools.converters.mil.frontend.torch.torch_op_registry import register_torch_op

    @register_torch_op(override=True)  # type: ignore[untyped-decorator]
    def alias(context: Any, node: Any) -> None:
        (x,) = _get_inputs(context, node, expected=1)
        context.add(Builder.identity(x=x, name=node.name))

    @register_torch_op(override=True)  # type: ignore[untyped-decorator]
    def index_add(context: Any, node: Any) -> None:
        x, dim, index, source = _get_inputs(context, node, expected=[4, 5])[:4]
        found = Builder.scatter(
            data=x, indices=index, updates=source, axis=int(dim.val), mode="add", name=node.name
        )
        context.add(found)
