// What a policy looks at in a block's input, and what it computes from that: its gate.
//
// A gate is small: some hundred multiplications. In PyTorch each would be a dozen calls, which take longer than the block.

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "sixteen.h"

extern "C" {
// y = x weight + bias, with weight [inputs][outputs], so that the compiler computes neighbouring outputs at once.
struct Linear {
  int32_t inputs, outputs;
  const float *weight, *bias;
};
// An embedding, an LSTM, a linear layer. If it is valued, the embedding is standardised, the price's features are more inputs
// of the LSTM, and options are valued by steps over the network's table of roots (options - 1, 3).
struct MemoryGate {
  Linear embed, lstm, out;
  int32_t valued, options;
  const float *roots;
};
// A classifier, the more doubt the larger the steps. `first`: steps that doubt leaves alone.
struct DoubtGate {
  Linear answer;
  int32_t options, first;
  float usual, inverse, strength, most;  // doubt's mean, 1 / its spread, weight, and the entropy of no idea
  const float *roots;
};
}

namespace {

constexpr int WIDTH = 16;    // channels of a register
constexpr int FEATURES = 3;  // of a price
constexpr float EPSILON = 1e-5f;

void apply(const Linear &linear, const float *x, float *y) {
  std::copy_n(linear.bias, linear.outputs, y);
  const float *weight = linear.weight;
  for (int i = 0; i < linear.inputs; ++i, weight += linear.outputs) {
    for (int o = 0; o < linear.outputs; ++o) y[o] += x[i] * weight[o];
  }
}

void standardise(float *x, int n) {
  float sum = 0, square = 0;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < n; ++i) sum += x[i];
  const float mean = sum / n;
#pragma omp simd reduction(+ : square)
  for (int i = 0; i < n; ++i) square += (x[i] - mean) * (x[i] - mean);
  const float inverse = 1 / std::sqrt(square / n + EPSILON);
  for (int i = 0; i < n; ++i) x[i] = (x[i] - mean) * inverse;
}

// The sum over pixels of `term` of sixteen channels; four sums at a time, because each addition waits for the one before.
template <class Term>
inline __m512 sum_over(const float *x, int pixels, int channels, Term term) {
  __m512 sums[4] = {};
  int p = 0;
  for (; p + 4 <= pixels; p += 4) {
    for (int k = 0; k < 4; ++k) sums[k] = term(sums[k], _mm512_loadu_ps(x + (p + k) * channels));
  }
  for (; p < pixels; ++p) sums[0] = term(sums[0], _mm512_loadu_ps(x + p * channels));
  return _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3]));
}

float root_at(const float *roots, int step, const float *price) {
  return roots[FEATURES * step] * price[0] + roots[FEATURES * step + 1] * price[1] + roots[FEATURES * step + 2] * price[2];
}

}  // namespace

extern "C" {

// y = x weight + bias of one image.
void apply_linear(const Linear *linear, const float *x, float *y) { apply(*linear, x, y); }

// What a policy looks at in an image x (pixels, channels): 1, the mean of each channel; 2, also the standard deviation.
void look(int32_t looks, const float *x, float *out, int32_t pixels, int32_t channels) {
  for (int c = 0; c < channels; c += WIDTH) {
    const auto add = [](__m512 sum, __m512 value) { return _mm512_add_ps(sum, value); };
    const __m512 mean = _mm512_div_ps(sum_over(x + c, pixels, channels, add), _mm512_set1_ps(pixels));
    _mm512_storeu_ps(out + c, mean);
    if (looks < 2) continue;
    const auto square = [mean](__m512 sum, __m512 value) {
      const __m512 off = _mm512_sub_ps(value, mean);
      return _mm512_fmadd_ps(off, off, sum);
    };
    const __m512 variance = _mm512_div_ps(sum_over(x + c, pixels, channels, square), _mm512_set1_ps(pixels - 1));
    _mm512_storeu_ps(out + channels + c, _mm512_sqrt_ps(variance));
  }
}

// What a policy looks at in n images: x (n, pixels, channels) -> seen.
void run_look(const float *x, float *seen, int64_t n, int32_t pixels, int32_t channels, int32_t looks, int32_t part,
              int32_t parts) {
  for (int64_t i = part; i < n; i += parts) {
    look(looks, x + i * pixels * channels, seen + i * looks * channels, pixels, channels);
  }
}

// n images: seen (n, inputs), price (n, 3) or null -> scores (n, options); hidden and cell (n, width) take their next values.
void run_memory_gate(const MemoryGate *gate, const float *seen, const float *price, float *hidden, float *cell, float *scores,
                     int64_t n) {
  const int width = gate->embed.outputs, more = gate->valued ? FEATURES : 0, options = gate->options;
  std::vector<float> in(2 * width + more), sums(4 * width), own(gate->out.outputs);
  for (int64_t i = 0; i < n; ++i, seen += gate->embed.inputs, scores += options) {
    apply(gate->embed, seen, in.data());
    if (gate->valued) standardise(in.data(), width);
    std::copy_n(price, more, in.data() + width);
    std::copy_n(hidden, width, in.data() + width + more);
    apply(gate->lstm, in.data(), sums.data());
    for (int k = 0; k < width; k += WIDTH) {
      const __mmask16 some = width - k < WIDTH ? (1u << (width - k)) - 1 : 0xFFFF;
      const auto part = [&](int number) { return _mm512_maskz_loadu_ps(some, sums.data() + number * width + k); };
      const __m512 kept = _mm512_mul_ps(sigmoid(part(1)), _mm512_maskz_loadu_ps(some, cell + k));
      const __m512 next = _mm512_fmadd_ps(sigmoid(part(0)), hyperbolic_tangent(part(2)), kept);
      _mm512_mask_storeu_ps(cell + k, some, next);
      _mm512_mask_storeu_ps(hidden + k, some, _mm512_mul_ps(sigmoid(part(3)), hyperbolic_tangent(next)));
    }
    apply(gate->out, hidden, own.data());
    hidden += width, cell += width;
    if (!gate->valued) {
      std::copy_n(own.data(), options, scores);
      continue;
    }
    const float factor = std::exp(own[options - 1]);
    scores[0] = 0;
    for (int step = 0; step + 1 < options; ++step) {
      const float root = (root_at(gate->roots, step, price) + own[step]) * factor;
      scores[step + 1] = scores[step] + root * root;
    }
    price += FEATURES;
  }
}

// n images: seen (n, inputs), price (n, 3) -> answers (n, classes), scores (n, options).
void run_doubt_gate(const DoubtGate *gate, const float *seen, const float *price, float *answers, float *scores, int64_t n) {
  const int inputs = gate->answer.inputs, classes = gate->answer.outputs, options = gate->options;
  std::vector<float> in(inputs), shares(classes);
  for (int64_t i = 0; i < n; ++i, seen += inputs, price += FEATURES, answers += classes, scores += options) {
    std::copy_n(seen, inputs, in.data());
    standardise(in.data(), inputs);
    apply(gate->answer, in.data(), answers);
    const float most = *std::max_element(answers, answers + classes);
    const float sum = exponentials(answers, classes, most, shares.data());
    float weighted = 0;
    for (int c = 0; c < classes; ++c) weighted += shares[c] * (answers[c] - most);
    const float entropy = std::log(sum) - weighted / sum;
    const float steeper = std::exp(gate->strength * (entropy / gate->most - gate->usual) * gate->inverse);
    scores[0] = 0;
    for (int step = 0; step + 1 < options; ++step) {
      const float root = root_at(gate->roots, step, price) * (step < gate->first ? 1 : steeper);
      scores[step + 1] = scores[step] + root * root;
    }
  }
}
}
