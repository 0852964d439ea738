// All gated blocks of a network, one after another.
//
// A thread takes a few images at a time through all of them. So their values stay in its cache from block to block, and it
// waits for no other thread.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "sixteen.h"

extern "C" {
struct Conv;
struct Form;
struct Linear;
struct MemoryGate;
struct DoubtGate;
// A gated block and its gate, which is null if decisions are given. `fresh`: its output cannot take the place of its input.
struct Block {
  const Form *forms;
  const void *gate;
  int32_t height, width, inputs, out_height, out_width, outputs, fresh;
};
// What runs before the gated blocks: the stem, of images (height, width, inputs), and the first block.
struct Entry {
  const Conv *stem;
  int32_t height, width, inputs;
  Block first;
};
enum Gates : int32_t { NONE, MEMORY, DOUBT };
// `options`: of each block, and their `costs`. `gates`: of which kind. `looks`: what they look at in a block's input. `kept`:
// numbers that a gate keeps of an image, twice: an LSTM's hidden and cell state, or a classifier's answers. The temperature of
// probabilities is the smallest step in charge, but not below `lowest_temperature`; if that is 0, it is 1.
// The classifier rounds its input to steps from low to high, if step is not 0.
struct Network {
  const Block *blocks;
  const float *costs;
  const Linear *classifier;
  int32_t count, options, gates, looks, kept, classes;
  float lowest_price, lowest_temperature, step, low, high;
};

// In native.cpp and gates.cpp.
void run_conv(const Conv *conv, const float *x, float *out, int64_t n, int32_t height, int32_t width, int32_t part,
              int32_t parts);
void run_block(const Form *forms, int32_t count, const int64_t *decisions, const float *x, float *out, const float *before,
               float *seen, int64_t n, int32_t height, int32_t width, int32_t inputs, int32_t out_height, int32_t out_width,
               int32_t outputs, int32_t looks, int32_t part, int32_t parts);
void run_look(const float *x, float *seen, int64_t n, int32_t pixels, int32_t channels, int32_t looks, int32_t part,
              int32_t parts);
void run_memory_gate(const MemoryGate *gate, const float *seen, const float *price, float *hidden, float *cell, float *scores,
                     int64_t n);
void run_doubt_gate(const DoubtGate *gate, const float *seen, const float *price, float *answers, float *scores, int64_t n);
void apply_linear(const Linear *linear, const float *x, float *y);
}

namespace {

constexpr int FEATURES = 3;  // of a price

int64_t area(int32_t height, int32_t width, int32_t channels) { return static_cast<int64_t>(height) * width * channels; }

int64_t now() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }

struct Scratch {
  std::vector<float> streams[2], sights[2], states[2], found, features;
  std::vector<int64_t> chosen;
};

// The features of a price: 1, g and g^2 with g = (log10(price) + 1) / 2.
void write_features(float price, float lowest, float *to) {
  const float level = (std::log10(std::max(price, lowest)) + 1) / 2;
  to[0] = 1, to[1] = level, to[2] = level * level;
}

// `row` has the values of a block's options; charges come off. Returns the best option, and writes all probabilities.
int64_t decide(const Network &net, float price, float *row, float *probabilities) {
  float temperature = net.lowest_temperature > 0 ? std::numeric_limits<float>::infinity() : 1;
  for (int k = 0; k < net.options; ++k) {
    row[k] -= price * net.costs[k];
    if (k && net.lowest_temperature > 0) temperature = std::min(temperature, price * net.costs[k] - price * net.costs[k - 1]);
  }
  const float *best = std::max_element(row, row + net.options);
  temperature = std::max(temperature, net.lowest_temperature);
  for (int k = 0; k < net.options; ++k) probabilities[k] = (row[k] - *best) / temperature;
  const float sum = exponentials(probabilities, net.options, 0, probabilities);
  for (int k = 0; k < net.options; ++k) probabilities[k] /= sum;
  return best - row;
}

// The answer from the mean of each channel, which is rounded in place.
void classify(const Network &net, float *means, int count, float *logits) {
  for (int c = 0; net.step > 0 && c < count; ++c) {
    means[c] = std::nearbyint(std::min(std::max(means[c] / net.step, net.low), net.high)) * net.step;
  }
  apply_linear(net.classifier, means, logits);
}

float *room(std::vector<float> &from, int64_t size) {
  if (from.size() < static_cast<size_t>(size)) from.resize(size);
  return from.data();
}

}  // namespace

extern "C" {

// n images, `few` at a time; threads that share `next` share the images. x: without an entry, what enters the first gated
// block, (n, height, width, inputs); with one, the images. prices (n), or null: then no gate runs. decisions (n, blocks): where
// below 0, the gate decides. Also written: probabilities (n, blocks, options) and logits (n, classes). spans (1 + 2 blocks) or
// null: nanoseconds of the entry, and of each gate and block, are added there.
void run_network(const Network *net, const Entry *entry, const float *x, const float *prices, int64_t *decisions,
                 float *probabilities, float *logits, int64_t n, int64_t few, int64_t *next, int64_t *spans) {
  thread_local Scratch scratch;
  auto &[streams, sights, states, found, features, chosen] = scratch;
  const Block &begin = net->blocks[0], &end = net->blocks[net->count - 1];
  const int64_t given = entry ? area(entry->height, entry->width, entry->inputs) : area(begin.height, begin.width, begin.inputs);
  const int looks = prices ? net->looks : 0, options = net->options;
  int64_t since = spans ? now() : 0;
  const auto note = [&](int part) {
    if (!spans) return;
    const int64_t then = since;
    since = now();
    __atomic_fetch_add(spans + part, since - then, __ATOMIC_RELAXED);
  };
  for (;;) {
    const int64_t first = __atomic_fetch_add(next, few, __ATOMIC_RELAXED), m = std::min(few, n - first);
    if (m <= 0) return;
    chosen.assign(few, 0);
    const float *from = x + first * given;
    if (entry) {
      const Block &block = entry->first;
      float *stem = room(streams[1], m * area(block.height, block.width, block.inputs));
      float *to = room(streams[0], m * area(block.out_height, block.out_width, block.outputs));
      run_conv(entry->stem, from, stem, m, entry->height, entry->width, 0, 1);
      run_block(block.forms, 1, chosen.data(), stem, to, nullptr, nullptr, m, block.height, block.width, block.inputs,
                block.out_height, block.out_width, block.outputs, 0, 0, 1);
      from = to;
    }
    note(0);
    float *seen = room(sights[0], m * looks * begin.inputs), *hidden = nullptr, *cell = nullptr;
    if (looks) run_look(from, seen, m, begin.height * begin.width, begin.inputs, looks, 0, 1);
    float *priced = room(features, m * FEATURES);
    if (prices) {
      hidden = room(states[0], m * net->kept), cell = room(states[1], m * net->kept);
      std::fill_n(hidden, m * net->kept, 0.0f), std::fill_n(cell, m * net->kept, 0.0f);
      for (int64_t i = 0; i < m; ++i) write_features(prices[first + i], net->lowest_price, priced + i * FEATURES);
    }
    for (int b = 0; b < net->count; ++b) {
      const Block &block = net->blocks[b];
      float *own = room(found, m * options);
      if (prices && net->gates == MEMORY) {
        run_memory_gate(static_cast<const MemoryGate *>(block.gate), seen, priced, hidden, cell, own, m);
      } else if (prices && net->gates == DOUBT) {
        run_doubt_gate(static_cast<const DoubtGate *>(block.gate), seen, priced, hidden, own, m);
      }
      for (int64_t i = 0; i < m; ++i) {
        const int64_t at = (first + i) * net->count + b;
        if (prices) {
          const int64_t best = decide(*net, prices[first + i], own + i * options, probabilities + at * options);
          if (decisions[at] < 0) decisions[at] = best;
        }
        chosen[i] = decisions[at];
      }
      note(1 + 2 * b);
      const int noted = b + 1 < net->count ? looks : std::max(looks, 1);  // the classifier needs means
      const bool ours = b > 0 || entry;  // without an entry x is not: a cascade's next pass begins with it
      const int64_t size = m * area(block.out_height, block.out_width, block.outputs);
      float *to = ours && !block.fresh ? const_cast<float *>(from) : room(streams[from == streams[0].data()], size);
      float *sight = room(sights[seen == sights[0].data() ? 1 : 0], m * noted * block.outputs);
      run_block(block.forms, options, chosen.data(), from, to, looks && !block.fresh ? seen : nullptr, sight, m, block.height,
                block.width, block.inputs, block.out_height, block.out_width, block.outputs, noted, 0, 1);
      from = to, seen = sight;
      note(2 + 2 * b);
    }
    for (int64_t i = 0; i < m; ++i) {
      float *means = seen + i * std::max(looks, 1) * end.outputs;
      classify(*net, means, end.outputs, logits + (first + i) * net->classes);
    }
  }
}
}
