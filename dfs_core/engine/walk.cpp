// All gated blocks of a network, one after another.
//
// A thread takes a few images at a time through all of them. So their values stay in its cache from block to block, and it
// waits for no other thread.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

extern "C" {
struct Form;
struct MemoryGate;
struct DoubtGate;
// A gated block and its gate, which is null if decisions are given. `fresh`: its output cannot take the place of its input.
struct Block {
  const Form *forms;
  const void *gate;
  int32_t height, width, inputs, out_height, out_width, outputs, fresh;
};
enum Gates : int32_t { NONE, MEMORY, DOUBT };
// `options`: of each block. `gates`: of which kind. `looks`: what they look at in a block's input. `kept`: numbers that a gate
// keeps of an image, twice: an LSTM's hidden and cell state, or a classifier's answers.
struct Network {
  const Block *blocks;
  int32_t count, options, gates, looks, kept;
};

// In native.cpp and gates.cpp.
void run_block(const Form *forms, int32_t count, const int64_t *decisions, const float *x, float *out, const float *before,
               float *seen, int64_t n, int32_t height, int32_t width, int32_t inputs, int32_t out_height, int32_t out_width,
               int32_t outputs, int32_t looks, int32_t part, int32_t parts);
void run_look(const float *x, float *seen, int64_t n, int32_t pixels, int32_t channels, int32_t looks, int32_t part,
              int32_t parts);
void run_memory_gate(const MemoryGate *gate, const float *seen, const float *price, float *hidden, float *cell, float *scores,
                     int64_t n);
void run_doubt_gate(const DoubtGate *gate, const float *seen, const float *price, float *answers, float *scores, int64_t n);
}

namespace {

constexpr int PRICE = 3;  // features of a price

int64_t now() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }

struct Scratch {
  std::vector<float> streams[2], sights[2], states[2], found;
  std::vector<int64_t> chosen;
};

float *room(std::vector<float> &from, int64_t size) {
  if (from.size() < static_cast<size_t>(size)) from.resize(size);
  return from.data();
}

}  // namespace

extern "C" {

// n images, `few` at a time; threads that share `next` share the images. x (n, height, width, inputs), price (n, 3) or null.
// charge (n, options), or null: then no gate runs. decisions (n, blocks): where below 0, the gate decides by its scores -
// charge, which scores (n, blocks, options) takes. means (n, outputs of the last block): of each channel at the end.
// spans (blocks, 2) or null: nanoseconds of each gate and of each block are added there.
void run_network(const Network *net, const float *x, const float *price, const float *charge, int64_t *decisions,
                 float *scores, float *means, int64_t n, int64_t few, int64_t *next, int64_t *spans) {
  thread_local Scratch scratch;
  auto &[streams, sights, states, found, chosen] = scratch;
  const Block &begin = net->blocks[0], &end = net->blocks[net->count - 1];
  const int64_t entering = static_cast<int64_t>(begin.height) * begin.width * begin.inputs;
  const int looks = charge ? net->looks : 0, options = net->options;
  for (;;) {
    const int64_t first = __atomic_fetch_add(next, few, __ATOMIC_RELAXED), m = std::min(few, n - first);
    if (m <= 0) return;
    chosen.resize(few);
    const float *from = x + first * entering;
    const float *priced = price ? price + first * PRICE : nullptr;
    float *seen = room(sights[0], m * looks * begin.inputs), *hidden = nullptr, *cell = nullptr;
    if (looks) run_look(from, seen, m, begin.height * begin.width, begin.inputs, looks, 0, 1);
    if (charge) {
      hidden = room(states[0], m * net->kept), cell = room(states[1], m * net->kept);
      std::fill_n(hidden, m * net->kept, 0.0f), std::fill_n(cell, m * net->kept, 0.0f);
    }
    for (int b = 0; b < net->count; ++b) {
      const Block &block = net->blocks[b];
      const int64_t began = spans ? now() : 0;
      float *own = room(found, m * options);
      if (charge && net->gates == MEMORY) {
        run_memory_gate(static_cast<const MemoryGate *>(block.gate), seen, priced, hidden, cell, own, m);
      } else if (charge && net->gates == DOUBT) {
        run_doubt_gate(static_cast<const DoubtGate *>(block.gate), seen, priced, hidden, own, m);
      }
      for (int64_t i = 0; i < m; ++i) {
        int64_t &decision = decisions[(first + i) * net->count + b];
        if (charge) {
          float *row = scores + ((first + i) * net->count + b) * options;
          const float *own_row = own + i * options, *charged = charge + (first + i) * options;
          for (int k = 0; k < options; ++k) row[k] = own_row[k] - charged[k];
          if (decision < 0) decision = std::max_element(row, row + options) - row;
        }
        chosen[i] = decision;
      }
      const int64_t decided = spans ? now() : 0;
      const int noted = b + 1 < net->count ? looks : std::max(looks, 1);  // the classifier needs means
      const int64_t size = static_cast<int64_t>(block.out_height) * block.out_width * block.outputs;
      const bool moves = b == 0 || block.fresh;  // x is not ours: a cascade's next pass begins with it
      float *to = moves ? room(streams[b == 0 || from != streams[0].data() ? 0 : 1], m * size) : const_cast<float *>(from);
      float *sight = room(sights[seen == sights[0].data() ? 1 : 0], m * noted * block.outputs);
      run_block(block.forms, options, chosen.data(), from, to, looks && !block.fresh ? seen : nullptr, sight, m, block.height,
                block.width, block.inputs, block.out_height, block.out_width, block.outputs, noted, 0, 1);
      from = to, seen = sight;
      if (!spans) continue;
      __atomic_fetch_add(spans + 2 * b, decided - began, __ATOMIC_RELAXED);
      __atomic_fetch_add(spans + 2 * b + 1, now() - decided, __ATOMIC_RELAXED);
    }
    const int64_t row = static_cast<int64_t>(std::max(looks, 1)) * end.outputs;
    for (int64_t i = 0; i < m; ++i) std::copy_n(seen + i * row, end.outputs, means + (first + i) * end.outputs);
  }
}
}
