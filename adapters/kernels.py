"""Triton kernels for the pass of one token, each doing what torch does in several. The model is decoder's concern.

All numbers are float32 but the 4-bit codes. The rows of an update's A are computed beside those of the codes, and what
they give, ``middle``, is multiplied with B where the outputs are read (``linears.Update``; each layer has RANK rows).
"""

import triton
import triton.language as tl

from adapters import weights

BLOCK = tl.constexpr(weights.BLOCK)
LOOKUP = tl.constexpr(
    """{
.reg .b32 t, u, m, a, b, l, h;
.reg .b16 p, q;
shl.b32 u, $8, 4;
"""
    + "".join(
        f"""and.b32 t, $8, 0x77777777;
shr.b32 t, t, {shift};
prmt.b32 m, u, $8, {signs};
prmt.b32 a, 0x52339200, 0x00d4ea8d, t;
prmt.b32 b, 0x68e02618, 0x00c9800d, t;
lop3.b32 l, a, b, m, 0xd8;
prmt.b32 a, 0xb6b8b9bc, 0x00adb1b4, t;
prmt.b32 b, 0x3533312d, 0x3c393837, t;
lop3.b32 h, a, b, m, 0xd8;
prmt.b32 a, l, h, 0x5140;
mov.b32 {{p, q}}, a;
cvt.f32.f16 ${second}, p;
cvt.f32.f16 ${first}, q;
prmt.b32 a, l, h, 0x7362;
mov.b32 {{p, q}}, a;
cvt.f32.f16 ${fourth}, p;
cvt.f32.f16 ${third}, q;
"""
        for shift, signs, first, second, third, fourth in ((0, "0xd9c8", 0, 1, 2, 3), (16, "0xfbea", 4, 5, 6, 7))
    )
    + "}"
)
"""NF4's values, in float16, of the eight codes in $8, in their order: the upper half of each byte first.

A byte permutation finds four bytes among eight by the lower three bits of four codes: twice for the lower bytes of
the sixteen values, twice for the upper, and the fourth bit, spread over a byte, chooses.
"""


@triton.jit
def product(
    x, codes, scales, y, a, middle, outputs,
    inputs: tl.constexpr, SHARE: tl.constexpr, ROWS: tl.constexpr, BLOCKS: tl.constexpr, A_BLOCK: tl.constexpr,
):  # fmt: skip
    """Write ``y = W x``, each program ROWS outputs of SHARE blocks; and ``middle = A x``, a row a program.

    ``codes`` are read as integers of 32 bits, of which a block has eight. The parts of y, shape (parts, outputs), are
    to be added. ROWS divides the outputs, and BLOCKS the share.
    """
    program, part = tl.program_id(0), tl.program_id(1)
    programs = outputs // ROWS
    if program < programs:
        _by_codes(x, codes, scales, y + part * outputs, program * ROWS, part * SHARE, inputs, SHARE, ROWS, BLOCKS)
    elif part == 0:
        _by_numbers(x, a, middle, program - programs, inputs, A_BLOCK)


@triton.jit
def _by_codes(
    x, codes, scales, y, first, first_block,
    inputs: tl.constexpr, SHARE: tl.constexpr, ROWS: tl.constexpr, BLOCKS: tl.constexpr,
):  # fmt: skip
    """Write what SHARE blocks of ROWS rows give."""
    row = first + tl.arange(0, ROWS)
    word = tl.arange(0, 8)[None, None, :]
    total = tl.zeros((ROWS, BLOCKS), tl.float32)
    for start in tl.range(0, SHARE, BLOCKS, loop_unroll_factor=2):
        block = first_block + start + tl.arange(0, BLOCKS)
        words = block[None, :, None] * 8 + word
        code_at = codes + row[:, None, None] * (inputs // 8) + words
        x_at = x + words * 8
        scale_at = scales + row[:, None] * (inputs // BLOCK) + block[None, :]
        if inputs // BLOCK % SHARE == 0:
            found = _block_sums(tl.load(code_at), x_at, None) * tl.load(scale_at)
        else:
            inside = block < inputs // BLOCK
            code = tl.load(code_at, inside[None, :, None], 0)
            found = _block_sums(code, x_at, inside[None, :, None]) * tl.load(scale_at, inside[None, :], 0.0)
        total += found
    tl.store(y + row, tl.sum(total, 1))


@triton.jit
def _block_sums(code, x, inside):
    """Return of each block the sum of its values times ``x``."""
    w0, w1, w2, w3, w4, w5, w6, w7 = tl.inline_asm_elementwise(
        LOOKUP, "=f,=f,=f,=f,=f,=f,=f,=f,r", [code], dtype=(tl.float32,) * 8, is_pure=True, pack=1
    )
    found = w0 * tl.load(x, inside) + w1 * tl.load(x + 1, inside)
    found += w2 * tl.load(x + 2, inside) + w3 * tl.load(x + 3, inside)
    found += w4 * tl.load(x + 4, inside) + w5 * tl.load(x + 5, inside)
    found += w6 * tl.load(x + 6, inside) + w7 * tl.load(x + 7, inside)
    if inside is not None:
        found = tl.where(inside, found, 0.0)
    return tl.sum(found, 2)


@triton.jit
def _by_numbers(x, a, middle, row, inputs: tl.constexpr, A_BLOCK: tl.constexpr):
    """Write what one row of A gives."""
    sums = tl.zeros((A_BLOCK,), tl.float32)
    for start in tl.static_range(0, inputs, A_BLOCK):
        at = start + tl.arange(0, A_BLOCK)
        sums += tl.load(a + row * inputs + at, at < inputs, 0.0) * tl.load(x + at, at < inputs, 0.0)
    tl.store(middle + row, tl.sum(sums, 0))


@triton.jit
def _updated(y, b, middle, at, inside, outputs, PARTS: tl.constexpr, RANK: tl.constexpr):
    """Return the outputs ``at``, of all parts, with their update, whose ``middle`` begins where it is given."""
    found = tl.load(y + at, inside, 0.0)
    for part in tl.static_range(1, PARTS):
        found += tl.load(y + part * outputs + at, inside, 0.0)
    for rank in tl.range(0, RANK, loop_unroll_factor=16):
        found += tl.load(b + rank * outputs + at, inside, 0.0) * tl.load(middle + rank)
    return found


@triton.jit
def _turned(
    y, b, middle, head, norm, cosines, sines, outputs, eps,
    NORMED: tl.constexpr, HEAD: tl.constexpr, PARTS: tl.constexpr, RANK: tl.constexpr,
):  # fmt: skip
    """Return the two halves of a head of queries or keys, updated, normalised and rotated."""
    half = tl.arange(0, HEAD // 2)
    lower = _updated(y, b, middle, head * HEAD + half, half >= 0, outputs, PARTS, RANK)
    upper = _updated(y, b, middle, head * HEAD + HEAD // 2 + half, half >= 0, outputs, PARTS, RANK)
    if NORMED:
        scale = tl.rsqrt((tl.sum(lower * lower, 0) + tl.sum(upper * upper, 0)) / HEAD + eps)
        lower *= scale * tl.load(norm + head * HEAD + half)
        upper *= scale * tl.load(norm + head * HEAD + HEAD // 2 + half)
    turned = lower * tl.load(cosines + half) + upper * tl.load(sines + half)
    upper = upper * tl.load(cosines + HEAD // 2 + half) + lower * tl.load(sines + HEAD // 2 + half)
    return turned, upper


@triton.jit
def attention(
    y, b, middle, norm, cosines, sines, kept, position, mixed, peaks,
    sums, room, outputs, window, eps, scale, cap,
    CAPPED: tl.constexpr, NORMED: tl.constexpr, HEADS: tl.constexpr, KEY_HEADS: tl.constexpr, HEAD: tl.constexpr,
    PARTS: tl.constexpr, RANK: tl.constexpr, SPLITS: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Attend with one head of queries to one of SPLITS parts of what is kept; the first part is of the new token too.

    Writes the part's mix of values, shape (heads, SPLITS, HEAD), the greatest score and the sum of chances, (heads,
    SPLITS), which ``combined`` needs; and keeps the new token's key and value.
    """
    head, split = tl.program_id(0), tl.program_id(1)
    key_head = head // (HEADS // KEY_HEADS)
    here = tl.load(position)
    cosines += here * HEAD
    sines += here * HEAD
    half = tl.arange(0, HEAD // 2)
    lower, upper = _turned(y, b, middle, head, norm, cosines, sines, outputs, eps, NORMED, HEAD, PARTS, RANK)
    lower *= scale
    upper *= scale
    first = tl.maximum(0, here + 1 - window)
    share = tl.cdiv(here - first, SPLITS)
    start = first + split * share
    end = tl.minimum(here, start + share)
    keys = kept + key_head * room * HEAD
    values = kept + (KEY_HEADS + key_head) * room * HEAD
    whole = tl.arange(0, HEAD)
    peak = tl.full((), -float("inf"), tl.float32)
    total = tl.zeros((), tl.float32)
    mix = tl.zeros((HEAD,), tl.float32)
    if split == 0:
        key_lower, key_upper = _turned(
            y,
            b + RANK * outputs,
            middle + RANK,
            HEADS + key_head,
            norm,
            cosines,
            sines,
            outputs,
            eps,
            NORMED,
            HEAD,
            PARTS,
            RANK,
        )
        value = _updated(
            y,
            b + 2 * RANK * outputs,
            middle + 2 * RANK,
            (HEADS + KEY_HEADS + key_head) * HEAD + whole,
            whole >= 0,
            outputs,
            PARTS,
            RANK,
        )
        if head % (HEADS // KEY_HEADS) == 0:
            tl.store(keys + here * HEAD + half, key_lower)
            tl.store(keys + here * HEAD + HEAD // 2 + half, key_upper)
            tl.store(values + here * HEAD + whole, value)
        peak = tl.sum(lower * key_lower, 0) + tl.sum(upper * key_upper, 0)
        if CAPPED:
            peak = cap * (2 / (1 + tl.exp(-2 * peak / cap)) - 1)
        total += 1.0
        mix += value
    for tile in range(start, end, TILE):
        at = tile + tl.arange(0, TILE)
        inside = (at < end)[:, None]
        rows = at[:, None] * HEAD
        scores = tl.sum(tl.load(keys + rows + half[None, :], inside, 0.0) * lower[None, :], 1)
        scores += tl.sum(tl.load(keys + rows + HEAD // 2 + half[None, :], inside, 0.0) * upper[None, :], 1)
        if CAPPED:
            scores = cap * (2 / (1 + tl.exp(-2 * scores / cap)) - 1)
        scores = tl.where(at < end, scores, -float("inf"))
        higher = tl.maximum(peak, tl.max(scores, 0))
        chances = tl.exp(scores - higher)
        before = tl.exp(peak - higher)
        mix = mix * before + tl.sum(tl.load(values + rows + whole[None, :], inside, 0.0) * chances[:, None], 0)
        total = total * before + tl.sum(chances, 0)
        peak = higher
    tl.store(mixed + (head * SPLITS + split) * HEAD + whole, mix)
    tl.store(peaks + head * SPLITS + split, peak)
    tl.store(sums + head * SPLITS + split, total)


@triton.jit
def combined(mixed, peaks, sums, out, HEAD: tl.constexpr, SPLITS: tl.constexpr):
    """Write what a head of ``attention`` gives, all its parts together."""
    head = tl.program_id(0)
    split, whole = tl.arange(0, SPLITS), tl.arange(0, HEAD)
    peak = tl.load(peaks + head * SPLITS + split)
    weights = tl.exp(peak - tl.max(peak, 0))
    total = tl.sum(weights * tl.load(sums + head * SPLITS + split), 0)
    parts = tl.load(mixed + (head * SPLITS + split[:, None]) * HEAD + whole[None, :])
    tl.store(out + head * HEAD + whole, tl.sum(parts * weights[:, None], 0) / total)


@triton.jit
def added(
    x, y, b, middle, after, before, out, eps,
    WIDTH: tl.constexpr, SIZE: tl.constexpr, PARTS: tl.constexpr, RANK: tl.constexpr,
):  # fmt: skip
    """Add ``y``, updated and normalised by ``after``, to ``x``; write x, normalised by ``before``, to ``out``."""
    at = tl.arange(0, SIZE)
    inside = at < WIDTH
    found = _updated(y, b, middle, at, inside, WIDTH, PARTS, RANK)
    found *= tl.rsqrt(tl.sum(found * found, 0) / WIDTH + eps) * tl.load(after + at, inside, 0.0)
    found += tl.load(x + at, inside, 0.0)
    tl.store(x + at, found, inside)
    found *= tl.rsqrt(tl.sum(found * found, 0) / WIDTH + eps) * tl.load(before + at, inside, 0.0)
    tl.store(out + at, found, inside)


@triton.jit
def gated(
    y, b, middle, out, WIDTH: tl.constexpr, SIZE: tl.constexpr, PARTS: tl.constexpr, RANK: tl.constexpr
):  # fmt: skip
    """Write ``gelu(gate) * up`` of the outputs ``y``, the gates and then the ups, SIZE numbers a program."""
    at = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    inside = at < WIDTH
    gate = _updated(y, b, middle, at, inside, 2 * WIDTH, PARTS, RANK)
    up = _updated(y, b + RANK * 2 * WIDTH, middle + RANK, WIDTH + at, inside, 2 * WIDTH, PARTS, RANK)
    inner = 0.7978845608028654 * (gate + 0.044715 * gate * gate * gate)
    tl.store(out + at, gate / (1 + tl.exp(-2 * inner)) * up, inside)  # which is gelu by tanh
