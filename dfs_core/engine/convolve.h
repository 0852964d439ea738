// One convolution of one image, in 8-bit integers, bf16 or float32, for x86 processors with AVX-512 VNNI or AMX.
//
// It is a sum over 32-bit lanes. A lane holds four bytes, two bf16 or one float32 of neighbouring channels, and a row of the
// kernel is contiguous in memory, because channels come last. Weights lie as [outputs / 16][kernel row][lane][16 outputs]; AMX
// loads up to sixteen lanes of them as one tile, AVX-512 one lane as one register.

#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#if !defined(__AVX512VNNI__) || !defined(__AVX512BW__)
#error "this file needs AVX-512 VNNI"
#endif

// SPLIT is float32 for AMX: x and w are sums of three bf16, and of the nine products the six largest count, which leaves an
// error of about 2^-24, as float32 has. So a pixel has six times as many channels: x1 x2 x3 x1 x2 x1 meet w1 w1 w1 w2 w2 w3.
enum Kind : int32_t { INT8, BF16, FLOAT, SPLIT };
constexpr int BYTES[] = {1, 2, 4, 2};
constexpr int WIDTH = 16, TILE_BYTES = 64;  // of a tile: rows, and bytes of a row, which are sixteen lanes

// One convolution with its batch norm folded in: y = scale x sum + bias.
struct Conv {
  int32_t kind, inputs, padded_inputs, outputs, kernel, stride, padding;
  int32_t zero;               // the byte that stands for 0 (INT8)
  int32_t lanes, tile_lanes;  // of a kernel row: used, and padded to tiles of one size
  float step, low, high;      // of the input (INT8), and its lowest and highest level; else its lowest and highest value
  const void *weights;
  const float *scale, *bias;
};

namespace {

bool use_amx = false;

int side(const Conv &conv, int size) { return (size + 2 * conv.padding - conv.kernel) / conv.stride + 1; }

// An image as a convolution reads it: NHWC with a border, in the convolution's own type.
struct Padded {
  std::vector<uint8_t> bytes;
  int pixel = 0, row = 0;  // bytes of one pixel and of one row

  void shape(const Conv &conv, int height, int width) {
    const int border = conv.padding, value = conv.kind == INT8 ? conv.zero : 0;
    pixel = conv.padded_inputs * BYTES[conv.kind];
    row = pixel * (width + 2 * border);
    const size_t rows = height + 2 * border, size = row * rows;
    // A tile may read past the end: those values meet weights of 0, but must be finite.
    if (bytes.size() < size + 2 * TILE_BYTES * WIDTH) bytes.resize(size + 2 * TILE_BYTES * WIDTH);
    std::memset(bytes.data() + size, 0, 2 * TILE_BYTES * WIDTH);
    if (!border) return;
    std::memset(bytes.data(), value, row * border);
    std::memset(bytes.data() + size - row * border, value, row * border);
    for (size_t y = border; y < rows - border; ++y) {
      std::memset(bytes.data() + y * row, value, pixel * border);
      std::memset(bytes.data() + (y + 1) * row - pixel * border, value, pixel * border);
    }
  }

  uint8_t *at(const Conv &conv, int y, int x) { return bytes.data() + static_cast<size_t>(y + conv.padding) * row + (x + conv.padding) * pixel; }
};

// How a convolution takes its input, with what every value needs at hand.
template <int KIND>
struct Rounding {
  __m512 inverse, low, high;
  __m512i zero;
  int part;  // bytes of a pixel's channels, once

  explicit Rounding(const Conv &conv)
      : inverse(_mm512_set1_ps(1 / conv.step)),
        low(_mm512_set1_ps(conv.low)),
        high(_mm512_set1_ps(conv.high)),
        zero(_mm512_set1_epi32(conv.zero)),
        part(conv.inputs * BYTES[KIND]) {}

  // Sixteen channels.
  void store(uint8_t *to, __m512 x) const {
    if constexpr (KIND == INT8) x = _mm512_mul_ps(x, inverse);
    x = _mm512_min_ps(_mm512_max_ps(x, low), high);
    if constexpr (KIND == INT8) {
      const __m512i level = _mm512_add_epi32(_mm512_cvtps_epi32(x), zero);
      _mm_storeu_si128(reinterpret_cast<__m128i *>(to), _mm512_cvtepi32_epi8(level));
#ifdef __AVX512BF16__
    } else if constexpr (KIND == BF16) {
      _mm256_storeu_si256(reinterpret_cast<__m256i *>(to), (__m256i)_mm512_cvtneps_pbh(x));
    } else if constexpr (KIND == SPLIT) {
      constexpr int TIMES[] = {3, 2, 1}, AT[] = {0, 3, 5, 1, 4, 2};  // the first part three times, and so on
      const int *at = AT;
      for (int times : TIMES) {
        const __m256i taken = (__m256i)_mm512_cvtneps_pbh(x);
        x = _mm512_sub_ps(x, _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(taken), 16)));
        for (; times > 0; --times) _mm256_storeu_si256(reinterpret_cast<__m256i *>(to + *at++ * part), taken);
      }
#endif
    } else {
      _mm512_storeu_ps(to, x);
    }
  }
};

template <int KIND>
void fill(Padded &to, const Conv &conv, const float *x, int height, int width) {
  to.shape(conv, height, width);
  const Rounding<KIND> rounding(conv);
  for (int y = 0; y < height; ++y) {
    uint8_t *pixel = to.at(conv, y, 0);
    for (int i = 0; i < width; ++i, x += conv.inputs, pixel += to.pixel) {
      int c = 0;
      for (; c + WIDTH <= conv.inputs; c += WIDTH) rounding.store(pixel + c * BYTES[KIND], _mm512_loadu_ps(x + c));
      if (c == conv.inputs) continue;
      uint8_t rest[WIDTH * 4];  // an image has 3 channels
      rounding.store(rest, _mm512_maskz_loadu_ps((1u << (conv.inputs - c)) - 1, x + c));
      std::memcpy(pixel + c * BYTES[KIND], rest, (conv.padded_inputs - c) * BYTES[KIND]);
    }
  }
}

// Where the results of a convolution go: rectified into `next`, which `following` reads; else to `out`.
struct Target {
  Padded *next = nullptr;
  const Conv *following = nullptr;
  float *out = nullptr;
  const float *add = nullptr;  // if given, it is added, and the sum is rectified
  bool rectify = false;
};

// Scale and write the sums of neighbouring pixels for sixteen outputs.
template <int KIND>
inline void finish(const Conv &conv, const Target &target, int width, int y, int x, int output, const __m512i *sums,
                   int pixels) {
  const __m512 scale = _mm512_loadu_ps(conv.scale + output), bias = _mm512_loadu_ps(conv.bias + output);
  const __m512 none = _mm512_setzero_ps();
  const auto value = [&](int p) {
    return _mm512_fmadd_ps(KIND == INT8 ? _mm512_cvtepi32_ps(sums[p]) : _mm512_castsi512_ps(sums[p]), scale, bias);
  };
  if (target.next) {
    const Rounding<KIND> rounding(*target.following);  // the convolutions of a block are of one kind
    uint8_t *to = target.next->at(*target.following, y, x) + output * BYTES[KIND];
    for (int p = 0; p < pixels; ++p, to += target.next->pixel) rounding.store(to, _mm512_max_ps(value(p), none));
    return;
  }
  const size_t start = (static_cast<size_t>(y) * width + x) * conv.outputs + output;
  float *to = target.out + start;
  if (target.add) {
    const float *add = target.add + start;
    for (int p = 0; p < pixels; ++p, to += conv.outputs, add += conv.outputs) {
      _mm512_storeu_ps(to, _mm512_max_ps(_mm512_add_ps(value(p), _mm512_loadu_ps(add)), none));
    }
    return;
  }
  const __m512 least = target.rectify ? none : _mm512_set1_ps(-__builtin_inff());
  for (int p = 0; p < pixels; ++p, to += conv.outputs) _mm512_storeu_ps(to, _mm512_max_ps(value(p), least));
}

template <int KIND>
inline __m512i multiply_add(__m512i sum, int32_t lane, __m512i weights) {
  const __m512i x = _mm512_set1_epi32(lane);
  if constexpr (KIND == INT8) return _mm512_dpbusd_epi32(sum, x, weights);
#ifdef __AVX512BF16__
  if constexpr (KIND == BF16 || KIND == SPLIT) {
    return _mm512_castps_si512(_mm512_dpbf16_ps(_mm512_castsi512_ps(sum), (__m512bh)x, (__m512bh)weights));
  }
#endif
  return _mm512_castps_si512(
      _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(weights), _mm512_castsi512_ps(sum)));
}

// PIXELS neighbours of a row and sixteen outputs at a time, in registers. JUMP: lanes from pixel to pixel, known to the
// compiler; with 16 addresses to keep, it would run out of registers.
template <int KIND, int PIXELS, int JUMP>
void with_registers(const Conv &conv, Padded &from, const Target &target, int width, int y, int x) {
  const int jump = JUMP ? JUMP : conv.stride * from.pixel / 4;
  for (int output = 0; output < conv.outputs; output += WIDTH) {
    __m512i sums[PIXELS] = {};
    for (int ky = 0; ky < conv.kernel; ++ky) {
      const uint8_t *row = from.bytes.data() + static_cast<size_t>(y * conv.stride + ky) * from.row;
      const int32_t *lanes = reinterpret_cast<const int32_t *>(row) + x * jump;
      const int32_t *weights = static_cast<const int32_t *>(conv.weights) +
                               static_cast<size_t>(output / WIDTH * conv.kernel + ky) * conv.tile_lanes * WIDTH;
      for (int lane = 0; lane < conv.lanes; ++lane) {
        const __m512i w = _mm512_loadu_si512(weights + lane * WIDTH);
        for (int p = 0; p < PIXELS; ++p) sums[p] = multiply_add<KIND>(sums[p], lanes[p * jump + lane], w);
      }
    }
    finish<KIND>(conv, target, width, y, x, output, sums, PIXELS);
  }
}

template <int KIND>
void all_with_registers(const Conv &conv, Padded &from, const Target &target, int height, int width) {
  const auto run = [&](auto jump) {
    for (int y = 0; y < height; ++y) {
      int x = 0;
      for (; x + 16 <= width; x += 16) with_registers<KIND, 16, jump>(conv, from, target, width, y, x);
      for (; x + 8 <= width; x += 8) with_registers<KIND, 8, jump>(conv, from, target, width, y, x);
      for (; x < width; ++x) with_registers<KIND, 1, jump>(conv, from, target, width, y, x);
    }
  };
  switch (conv.stride * from.pixel / 4) {
    case 4: return run(std::integral_constant<int, 4>());
    case 8: return run(std::integral_constant<int, 8>());
    case 16: return run(std::integral_constant<int, 16>());
    case 32: return run(std::integral_constant<int, 32>());
    case 64: return run(std::integral_constant<int, 64>());
    default: return run(std::integral_constant<int, 0>());
  }
}

#ifdef __AMX_BF16__
struct Place {
  int y, x;
};

// Tiles 0 to 3 hold the sums of two places by two groups of sixteen outputs, or of four places; 4 and 5 the inputs, of `wide`
// lanes; 6 and 7 the weights.
void configure(int pixels, int wide) {
  struct alignas(64) {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t columns[16] = {};
    uint8_t rows[16] = {};
  } config;
  std::fill_n(config.columns, 8, TILE_BYTES);
  std::fill_n(config.columns + 4, 2, 4 * wide);
  std::fill_n(config.rows, 6, pixels);
  std::fill_n(config.rows + 6, 2, wide);
  asm volatile("" ::"r"(&config) : "memory");  // GCC 12 believes that 8 bytes are read, and leaves out what fills the others
  _tile_loadconfig(&config);
}

#define MULTIPLY(sum, x, w)                             \
  if constexpr (KIND == INT8) _tile_dpbusd(sum, x, w); \
  else _tile_dpbf16ps(sum, x, w)
#define NEXT(sum, x, place)                      \
  _tile_loadd(x, start[place] + offset, jump); \
  MULTIPLY(sum, x, 6)

template <int KIND, int GROUPS>
void with_tiles(const Conv &conv, Padded &from, const Target &target, int width, const Place *places, int count, int pixels,
                int wide) {
  constexpr int PLACES = 4 / GROUPS;
  const long jump = conv.stride * from.pixel;
  const size_t group = static_cast<size_t>(conv.kernel) * conv.tile_lanes * WIDTH;
  const uint8_t *start[PLACES];
  for (int i = 0; i < PLACES; ++i) {
    const Place &place = places[std::min(i, count - 1)];  // where fewer are left, some are computed twice
    start[i] = from.bytes.data() + static_cast<size_t>(place.y) * conv.stride * from.row + place.x * jump;
  }
  __m512i sums[4][WIDTH];
  for (int output = 0; output < conv.outputs; output += GROUPS * WIDTH) {
    const int32_t *weights = static_cast<const int32_t *>(conv.weights) + output / WIDTH * group;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int ky = 0; ky < conv.kernel; ++ky) {
      for (int lane = 0; lane < conv.tile_lanes; lane += wide) {
        const size_t offset = static_cast<size_t>(ky) * from.row + lane * 4;
        const int32_t *w = weights + (static_cast<size_t>(ky) * conv.tile_lanes + lane) * WIDTH;
        _tile_loadd(6, w, TILE_BYTES);
        NEXT(0, 4, 0);
        NEXT(1, 5, 1);
        if constexpr (GROUPS == 1) {
          NEXT(2, 4, 2);
          NEXT(3, 5, 3);
        } else {
          _tile_loadd(7, w + group, TILE_BYTES);
          MULTIPLY(2, 4, 7);
          MULTIPLY(3, 5, 7);
        }
      }
    }
    _tile_stored(0, sums[0], TILE_BYTES);
    _tile_stored(1, sums[1], TILE_BYTES);
    _tile_stored(2, sums[2], TILE_BYTES);
    _tile_stored(3, sums[3], TILE_BYTES);
    for (int i = 0; i < 4; ++i) {
      const int place = i % PLACES, channel = output + i / PLACES * WIDTH;
      if (place < count) finish<KIND>(conv, target, width, places[place].y, places[place].x, channel, sums[i], pixels);
    }
  }
}

template <int KIND>
void all_with_tiles(const Conv &conv, Padded &from, const Target &target, int height, int width) {
  const int pixels = std::min(width, WIDTH), total = height * (width / pixels);
  const int tiles = (conv.lanes + WIDTH - 1) / WIDTH, wide = conv.tile_lanes / tiles;
  const int step = conv.outputs % (2 * WIDTH) ? 4 : 2;
  const auto run = step == 4 ? with_tiles<KIND, 1> : with_tiles<KIND, 2>;
  configure(pixels, wide);
  for (int number = 0; number < total; number += step) {
    Place places[4];
    for (int i = 0; i < step; ++i) {
      places[i] = {(number + i) / (width / pixels), (number + i) % (width / pixels) * pixels};
    }
    run(conv, from, target, width, places, std::min(step, total - number), pixels, wide);
  }
  _tile_release();
}
#endif

// from: the padded input; height and width are those of the output.
template <int KIND>
void convolve(const Conv &conv, Padded &from, const Target &target, int height, int width) {
#ifdef __AMX_BF16__
  if constexpr (KIND != FLOAT) {
    const bool whole = width <= WIDTH || width % WIDTH == 0;
    if (use_amx && whole) return all_with_tiles<KIND>(conv, from, target, height, width);
  }
#endif
  all_with_registers<KIND>(conv, from, target, height, width);
}

}  // namespace
