// Residual blocks, image by image.
//
// All of an image's block lies in the cache: its input is rounded into a padded buffer, each convolution writes what the
// next one reads, and the last one adds to the stream. Every image takes the form of its own decision where it lies, so a
// batch needs no sorting, and a skipped block costs nothing.

#include <sys/syscall.h>
#include <unistd.h>

#include "convolve.h"

extern "C" {
// A block under one option. Without a convolution it is skipped. The shortcut is null if it is the identity.
struct Form {
  int32_t count;
  const Conv *convs, *shortcut;
};
// In gates.cpp: what a policy looks at in an image.
void look(int32_t looks, const float *x, float *out, int32_t pixels, int32_t channels);
}

namespace {

thread_local Padded buffers[2];

template <int KIND>
void one_conv(const Conv &conv, const float *x, float *out, int height, int width, bool rectify) {
  Padded &from = buffers[0];
  fill<KIND>(from, conv, x, height, width);
  Target target;
  target.out = out, target.rectify = rectify;
  convolve<KIND>(conv, from, target, side(conv, height), side(conv, width));
}

#define BY_KIND(kind, function, ...)              \
  (kind == INT8 ? function<INT8>                  \
                : kind == BF16 ? function<BF16>   \
                : kind == FLOAT ? function<FLOAT> \
                                : function<SPLIT>)(__VA_ARGS__)

// The convolutions of a block, the last one added to its shortcut.
template <int KIND>
void one_block(const Form &form, const float *x, const float *shortcut, float *out, int height, int width) {
  Padded *const own = buffers;  // to look up what belongs to the thread takes time
  fill<KIND>(own[0], form.convs[0], x, height, width);
  for (int c = 0; c < form.count; ++c) {
    const Conv &conv = form.convs[c];
    height = side(conv, height), width = side(conv, width);
    Target target;
    if (c + 1 < form.count) {
      target.next = &own[(c + 1) % 2], target.following = &form.convs[c + 1];
      target.next->shape(*target.following, height, width);
    } else {
      target.out = out, target.add = shortcut;
    }
    convolve<KIND>(conv, own[c % 2], target, height, width);
  }
}

// One image through a block of `made` outputs.
void run_image(const Form &form, const float *x, float *out, int height, int width, size_t made) {
  const float *shortcut = x;
  if (form.shortcut) {
    BY_KIND(form.shortcut->kind, one_conv, *form.shortcut, x, out, height, width, false);
    shortcut = out;
  } else if (form.count == 0 && x != out) {
    std::copy_n(x, made, out);
  }
  if (form.count) BY_KIND(form.convs->kind, one_block, form, x, shortcut, out, height, width);
}

}  // namespace

extern "C" {

// Whether this processor computes in bf16.
int32_t has_bf16() {
#ifdef __AVX512BF16__
  return 1;
#endif
  return 0;
}

// Switch AMX on or off; returns whether it is on. Linux grants the use of its registers on request.
int32_t switch_amx(int32_t wanted) {
#ifdef __AMX_BF16__
  constexpr int REQUEST = 0x1023, TILE_DATA = 18;
  use_amx = wanted && syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
#endif
  return use_amx;
}

// Whether it is on.
int32_t uses_amx() { return use_amx; }

// Of all calls, thread `part` of `parts` takes every parts-th image.

// One convolution of n images: x (n, height, width, inputs) -> out (n, height', width', outputs), rectified.
void run_conv(const Conv *conv, const float *x, float *out, int64_t n, int32_t height, int32_t width, int32_t part,
              int32_t parts) {
  const size_t in = static_cast<size_t>(height) * width * conv->inputs;
  const size_t made = static_cast<size_t>(side(*conv, height)) * side(*conv, width) * conv->outputs;
  for (int64_t i = part; i < n; i += parts) {
    BY_KIND(conv->kind, one_conv, *conv, x + i * in, out + i * made, height, width, true);
  }
}

// One block of n images, each under the form of its decision: x (n, height, width, inputs) -> out (n, out_height, out_width,
// outputs). Where the shortcut is the identity, out may be x. `looks`: what is put into seen, 0 for nothing; `before`: the
// same of x, or null. Form after form takes its images, so its weights stay in the cache, and all threads get their share.
void run_block(const Form *forms, int32_t count, const int64_t *decisions, const float *x, float *out, const float *before,
               float *seen, int64_t n, int32_t height, int32_t width, int32_t inputs, int32_t out_height, int32_t out_width,
               int32_t outputs, int32_t looks, int32_t part, int32_t parts) {
  const size_t read = static_cast<size_t>(height) * width * inputs;
  const size_t made = static_cast<size_t>(out_height) * out_width * outputs;
  const size_t noted = static_cast<size_t>(looks) * outputs;
  int64_t turn = 0;
  for (int32_t f = 0; f < count; ++f) {
    for (int64_t i = 0; i < n; ++i) {
      if (decisions[i] != f || turn++ % parts != part) continue;
      const bool known = before && !forms[f].count && !forms[f].shortcut;  // a skipped block changes nothing
      run_image(forms[f], x + i * read, out + i * made, height, width, made);
      if (known) std::copy_n(before + i * noted, noted, seen + i * noted);
      else if (looks) look(looks, out + i * made, seen + i * noted, out_height * out_width, outputs);
    }
  }
}
}
