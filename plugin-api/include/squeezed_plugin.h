/*
 * squeezed_plugin.h: the plugin contract of squeezed for C, C++ and whatever reads C headers.
 *
 * Generated from plugin-api/src; do not edit. docs/plugin-guide.md says how to write a plugin.
 *
 * Rules that hold for every struct and call:
 * - integers are of fixed width, enums travel as uint32_t, strings and bytes are (ptr, len); strings are UTF-8;
 * - a struct begins with its own struct_size (SqzPlugin with its magic, then the size), grows at its end only, and is
 *   read up to min(struct_size, known); SqzBytes, SqzList and SqzPair have none and never grow;
 * - lists carry the stride of their elements;
 * - what a call is given is borrowed until it returns; whoever wants to keep it copies it;
 * - callbacks are synchronous, valid during the call, and may be called from any thread of the job;
 * - nothing unwinds through these functions.
 */
#ifndef SQUEEZED_PLUGIN_H
#define SQUEEZED_PLUGIN_H

#include <stdint.h>

/** Name of the one exported symbol. */
#define SQZ_ENTRY "squeezed_plugin_entry"

/**
 * "SQZPLUG1" in ASCII, first byte lowest.
 */
#define SQZ_MAGIC 3550900617458897235

/**
 * Plugins of another major are refused.
 */
#define SQZ_ABI_MAJOR 1

/**
 * Grows when structs grow at their end.
 */
#define SQZ_ABI_MINOR 0

/**
 * What a call returns when all is well; other values are error codes, told by `fail` before.
 */
#define SQZ_OK 0

/**
 * `SqzImageInfo.flags`: signed by content credentials.
 */
#define SQZ_INFO_SIGNED 1

/**
 * `SqzImageInfo.flags`: has a gain map.
 */
#define SQZ_INFO_GAIN_MAP 2

/**
 * `SqzImageInfo.flags`: has a motion photo's video.
 */
#define SQZ_INFO_MOTION_PHOTO 4

/**
 * `SqzImageInfo.flags`: picture data is missing or wrong.
 */
#define SQZ_INFO_DAMAGED 8

/**
 * `SqzImageInfo.flags`: `frames` is a lower bound.
 */
#define SQZ_INFO_FRAMES_AT_LEAST 16

/**
 * `SqzOptions.mode`: pixels stay identical.
 */
#define SQZ_MODE_LOSSLESS 0

/**
 * `SqzOptions.mode`: lossy at `quality`.
 */
#define SQZ_MODE_QUALITY 1

/**
 * `SqzOptions.mode`: the smallest whose score is at least `target`. Reserved.
 */
#define SQZ_MODE_TARGET 2

/**
 * Stable codes of a plugin's errors; the numbers are part of the ABI.
 */
enum SqzErrorCode
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The input is damaged or not of this format.
     */
    SQZ_ERROR_CODE_BAD_IMAGE = 1,
    /**
     * The input is sound, but has a feature that this plugin cannot keep. The file comes back unchanged.
     */
    SQZ_ERROR_CODE_UNSUPPORTED_FEATURE = 2,
    /**
     * Only a loss that was not asked for would make the file smaller. The file comes back unchanged.
     */
    SQZ_ERROR_CODE_WOULD_DEGRADE = 3,
    /**
     * A limit of [`crate::Limits`] is exceeded; the message names it.
     */
    SQZ_ERROR_CODE_TOO_LARGE = 4,
    /**
     * The host asked to stop.
     */
    SQZ_ERROR_CODE_STOPPED = 5,
    /**
     * An option or its value is not known to this plugin.
     */
    SQZ_ERROR_CODE_BAD_OPTION = 6,
    /**
     * The codec failed for a reason that lies not in the input.
     */
    SQZ_ERROR_CODE_FAILED = 7,
    /**
     * The plugin panicked; the message is the panic's.
     */
    SQZ_ERROR_CODE_PANICKED = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum SqzErrorCode SqzErrorCode;
#else
typedef uint32_t SqzErrorCode;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why the host wants a job to stop.
 */
enum SqzStopReason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The client cancelled or left.
     */
    SQZ_STOP_REASON_CANCELLED = 1,
    /**
     * The deadline passed; what was offered so far may still be used.
     */
    SQZ_STOP_REASON_DEADLINE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum SqzStopReason SqzStopReason;
#else
typedef uint32_t SqzStopReason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The host's answer to an offer.
 */
enum SqzVerdict
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The best of its kind so far.
     */
    SQZ_VERDICT_KEPT = 1,
    /**
     * Not smaller than what is kept, or lossy without the 5 % that a loss must gain.
     */
    SQZ_VERDICT_NOT_SMALLER = 2,
    /**
     * Lossy and below the floor of `max_reduction`: try a higher quality.
     */
    SQZ_VERDICT_OVER_CAP = 3,
    /**
     * Not an answer at all (empty, or of another format).
     */
    SQZ_VERDICT_REJECTED = 4,
    /**
     * Stop now: cancelled or out of time. The offer itself was still counted.
     */
    SQZ_VERDICT_STOP = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum SqzVerdict SqzVerdict;
#else
typedef uint32_t SqzVerdict;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a metadata item is for. The numbers are part of the ABI; below 32 lies what `metadata = display` keeps.
 */
enum SqzKind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * An ICC profile.
     */
    SQZ_KIND_ICC = 1,
    /**
     * How to turn or mirror the picture for display (EXIF orientation).
     */
    SQZ_KIND_ORIENTATION = 2,
    /**
     * Colour interpretation other than ICC: gAMA, cHRM, sRGB, cICP, mDCV, cLLI, sBIT, EXIF ColorSpace.
     */
    SQZ_KIND_COLOR_SPACE = 3,
    /**
     * Physical pixel density: JFIF density, pHYs, EXIF resolution.
     */
    SQZ_KIND_DENSITY = 4,
    /**
     * A gain map or what it needs (its XMP or ISO 21496-1 parameters, the map itself).
     */
    SQZ_KIND_GAIN_MAP = 5,
    /**
     * A multi-picture index (MPF) and the pictures it names.
     */
    SQZ_KIND_MULTI_PICTURE = 6,
    /**
     * Copyright, creator's rights and rights URLs.
     */
    SQZ_KIND_RIGHTS = 7,
    /**
     * When the picture was taken.
     */
    SQZ_KIND_CAPTURE_TIME = 8,
    /**
     * Animation control: loop count, timing, background.
     */
    SQZ_KIND_ANIMATION = 9,
    /**
     * EXIF that is none of the above: camera, lens, exposure, software.
     */
    SQZ_KIND_EXIF = 32,
    /**
     * A position.
     */
    SQZ_KIND_GPS = 33,
    /**
     * A camera maker's private notes.
     */
    SQZ_KIND_MAKER_NOTE = 34,
    /**
     * A small picture of the picture.
     */
    SQZ_KIND_THUMBNAIL = 35,
    /**
     * XMP that is none of the above.
     */
    SQZ_KIND_XMP = 36,
    /**
     * IPTC and Photoshop resources that are none of the above.
     */
    SQZ_KIND_IPTC = 37,
    /**
     * A comment.
     */
    SQZ_KIND_COMMENT = 38,
    /**
     * A text chunk.
     */
    SQZ_KIND_TEXT = 39,
    /**
     * Content credentials (C2PA, JUMBF): a signature over the file.
     */
    SQZ_KIND_C2PA = 40,
    /**
     * The video of a motion photo.
     */
    SQZ_KIND_MOTION_PHOTO = 41,
    /**
     * Bytes after the end of the image that nothing refers to.
     */
    SQZ_KIND_TRAILING = 42,
    /**
     * A chunk, segment or box that this plugin does not know.
     */
    SQZ_KIND_UNKNOWN = 43,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum SqzKind SqzKind;
#else
typedef uint32_t SqzKind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How loud a log line is.
 */
enum SqzLogLevel
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Something is wrong with the plugin.
     */
    SQZ_LOG_LEVEL_ERROR = 1,
    /**
     * Something is odd.
     */
    SQZ_LOG_LEVEL_WARN = 2,
    /**
     * For those who look.
     */
    SQZ_LOG_LEVEL_INFO = 3,
    /**
     * For those who mend.
     */
    SQZ_LOG_LEVEL_DEBUG = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum SqzLogLevel SqzLogLevel;
#else
typedef uint32_t SqzLogLevel;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What metadata stays.
 */
enum SqzMetadata
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Everything, trailing data included.
     */
    SQZ_METADATA_ALL = 0,
    /**
     * What changes how the picture looks, rights and capture time: [`crate::Kind::is_display`].
     */
    SQZ_METADATA_DISPLAY = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum SqzMetadata SqzMetadata;
#else
typedef uint32_t SqzMetadata;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How much CPU one job may spend.
 */
enum SqzEffort
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A first good result.
     */
    SQZ_EFFORT_FAST = 0,
    /**
     * The usual choice.
     */
    SQZ_EFFORT_BALANCED = 1,
    /**
     * Everything that pays.
     */
    SQZ_EFFORT_BEST = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum SqzEffort SqzEffort;
#else
typedef uint32_t SqzEffort;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * JPEG scan order.
 */
enum SqzProgressive
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Whichever is smaller.
     */
    SQZ_PROGRESSIVE_AUTO = 0,
    /**
     * Always progressive.
     */
    SQZ_PROGRESSIVE_ON = 1,
    /**
     * Always sequential.
     */
    SQZ_PROGRESSIVE_OFF = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum SqzProgressive SqzProgressive;
#else
typedef uint32_t SqzProgressive;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How samples are stored in rows.
 */
enum SqzSampleKind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Unsigned 8 bit.
     */
    SQZ_SAMPLE_KIND_U8 = 1,
    /**
     * Unsigned 16 bit, native byte order.
     */
    SQZ_SAMPLE_KIND_U16 = 2,
    /**
     * Unsigned 32 bit, native byte order.
     */
    SQZ_SAMPLE_KIND_U32 = 3,
    /**
     * IEEE half.
     */
    SQZ_SAMPLE_KIND_F16 = 4,
    /**
     * IEEE single.
     */
    SQZ_SAMPLE_KIND_F32 = 5,
    /**
     * IEEE double.
     */
    SQZ_SAMPLE_KIND_F64 = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum SqzSampleKind SqzSampleKind;
#else
typedef uint32_t SqzSampleKind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What the channels mean.
 */
enum SqzColorModel
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * One channel of grey.
     */
    SQZ_COLOR_MODEL_GREY = 1,
    /**
     * Red, green, blue.
     */
    SQZ_COLOR_MODEL_RGB = 2,
    /**
     * Cyan, magenta, yellow, black, as stored.
     */
    SQZ_COLOR_MODEL_CMYK = 3,
    /**
     * CIE L*a*b*.
     */
    SQZ_COLOR_MODEL_LAB = 4,
    /**
     * Any other number of channels.
     */
    SQZ_COLOR_MODEL_OTHER = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum SqzColorModel SqzColorModel;
#else
typedef uint32_t SqzColorModel;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How alpha relates to colour. Alpha is the last channel.
 */
enum SqzAlphaKind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * No alpha.
     */
    SQZ_ALPHA_KIND_NONE = 0,
    /**
     * Colour is independent of alpha.
     */
    SQZ_ALPHA_KIND_STRAIGHT = 1,
    /**
     * Colour was multiplied by alpha.
     */
    SQZ_ALPHA_KIND_PREMULTIPLIED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum SqzAlphaKind SqzAlphaKind;
#else
typedef uint32_t SqzAlphaKind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a frame is for.
 */
enum SqzFrameRole
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The picture, or one rendered canvas of an animation.
     */
    SQZ_FRAME_ROLE_PICTURE = 1,
    /**
     * A page of its own size.
     */
    SQZ_FRAME_ROLE_PAGE = 2,
    /**
     * A gain map.
     */
    SQZ_FRAME_ROLE_GAIN_MAP = 3,
    /**
     * A depth map.
     */
    SQZ_FRAME_ROLE_DEPTH = 4,
    /**
     * A thumbnail.
     */
    SQZ_FRAME_ROLE_THUMBNAIL = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum SqzFrameRole SqzFrameRole;
#else
typedef uint32_t SqzFrameRole;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Bytes or UTF-8 text; `ptr` may be null where `len` is 0. Owned by whoever passes it, for the time of the call.
 */
typedef struct SqzBytes {
    /**
     * First byte.
     */
    const uint8_t *ptr;
    /**
     * How many.
     */
    uint64_t len;
} SqzBytes;

/**
 * A list; element `i` stands at `items + i * stride`. Owned by whoever passes it.
 */
typedef struct SqzList {
    /**
     * First element.
     */
    const void *items;
    /**
     * How many.
     */
    uint32_t count;
    /**
     * Bytes from one to the next.
     */
    uint32_t stride;
} SqzList;

/**
 * What a plugin is. Owned by the plugin, constant, valid for ever.
 */
typedef struct SqzDescription {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * Zero.
     */
    uint32_t reserved;
    /**
     * Stable id, `[a-z0-9-]`.
     */
    struct SqzBytes id;
    /**
     * Version.
     */
    struct SqzBytes version;
    /**
     * SPDX expression.
     */
    struct SqzBytes licence;
    /**
     * Codec versions, for people.
     */
    struct SqzBytes codecs;
    /**
     * Of `SqzFormat`.
     */
    struct SqzList formats;
    /**
     * Of `SqzBytes`.
     */
    struct SqzList capabilities;
    /**
     * Of `SqzCost`.
     */
    struct SqzList costs;
} SqzDescription;

/**
 * One metadata item.
 */
typedef struct SqzItem {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * A kind of the written vocabulary.
     */
    uint32_t kind;
    /**
     * Name within the kind.
     */
    struct SqzBytes name;
    /**
     * Length in the file.
     */
    uint64_t length;
    /**
     * Equal for equal values.
     */
    uint64_t hash;
} SqzItem;

/**
 * Receives what `inspect` finds. Owned by the host; to be called from the calling thread alone.
 */
typedef struct SqzInspectSink {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * Zero.
     */
    uint32_t reserved;
    /**
     * First argument of each function.
     */
    void *ctx;
    /**
     * A metadata item.
     */
    void (*item)(void*, const struct SqzItem*);
    /**
     * Tells the text of the error that the call is about to return.
     */
    void (*fail)(void*, uint32_t, struct SqzBytes);
} SqzInspectSink;

/**
 * What `inspect` found. Owned by the host, written by the plugin.
 */
typedef struct SqzImageInfo {
    /**
     * Size of this struct, set by the host.
     */
    uint32_t struct_size;
    /**
     * Canvas width in pixels.
     */
    uint32_t width;
    /**
     * Canvas height in pixels.
     */
    uint32_t height;
    /**
     * Frames or pages.
     */
    uint32_t frames;
    /**
     * 0 for ever.
     */
    uint32_t loop_count;
    /**
     * 1 to 8.
     */
    uint32_t orientation;
    /**
     * 1 grey, 2 RGB, 3 CMYK, 4 Lab, 5 other.
     */
    uint32_t color;
    /**
     * Alpha included.
     */
    uint32_t channels;
    /**
     * 1 u8, 2 u16, 3 u32, 4 f16, 5 f32, 6 f64.
     */
    uint32_t sample;
    /**
     * Significant bits.
     */
    uint32_t bits;
    /**
     * 0 none, 1 straight, 2 premultiplied.
     */
    uint32_t alpha;
    /**
     * 1 to 100, 0 unknown.
     */
    uint32_t source_quality;
    /**
     * `SQZ_INFO_*`.
     */
    uint32_t flags;
    /**
     * Zero.
     */
    uint32_t reserved;
} SqzImageInfo;

/**
 * What a job was asked for. Owned by the host.
 */
typedef struct SqzOptions {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * `SQZ_MODE_*`.
     */
    uint32_t mode;
    /**
     * 1 to 100 in mode 1.
     */
    uint32_t quality;
    /**
     * 0 all, 1 display.
     */
    uint32_t metadata;
    /**
     * 0 fast, 1 balanced, 2 best.
     */
    uint32_t effort;
    /**
     * 0 auto, 1 on, 2 off.
     */
    uint32_t progressive;
    /**
     * SSIMULACRA2 score in mode 2.
     */
    double target;
    /**
     * Percent; negative for none.
     */
    double max_reduction;
    /**
     * Limit: pixels of one canvas.
     */
    uint64_t max_pixels;
    /**
     * Limit: frames.
     */
    uint64_t max_frames;
    /**
     * Limit: frames times pixels.
     */
    uint64_t max_total_pixels;
    /**
     * Limit: bytes of metadata after decompression.
     */
    uint64_t max_metadata_bytes;
    /**
     * Of `SqzPair`. An unknown key is an error.
     */
    struct SqzList extra;
} SqzOptions;

/**
 * A proposed encoding. Owned by the plugin.
 */
typedef struct SqzCandidate {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * 0 for lossless.
     */
    uint32_t quality;
    /**
     * 1 if every sample is the source's.
     */
    uint32_t lossless;
    /**
     * Breaks ties, lowest first.
     */
    uint32_t rank;
    /**
     * The whole file.
     */
    struct SqzBytes bytes;
    /**
     * One word for the receipt.
     */
    struct SqzBytes method;
    /**
     * Of `SqzLabel`.
     */
    struct SqzList kept;
    /**
     * Of `SqzLabel`.
     */
    struct SqzList dropped;
} SqzCandidate;

/**
 * What the host does for a running job. Owned by the host. Each function may be called from any thread of the job.
 */
typedef struct SqzHost {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * Zero.
     */
    uint32_t reserved;
    /**
     * First argument of each function.
     */
    void *ctx;
    /**
     * Takes a candidate: 1 kept, 2 not smaller, 3 over the cap, 4 rejected, 5 stop.
     */
    uint32_t (*offer)(void*, const struct SqzCandidate*);
    /**
     * The size the next candidate (argument: 1 lossless) must be below.
     */
    uint64_t (*bytes_to_beat)(void*, uint32_t);
    /**
     * The size a lossy candidate must not be below.
     */
    uint64_t (*floor)(void*);
    /**
     * 0 go on, 1 cancelled, 2 deadline.
     */
    uint32_t (*stop)(void*);
    /**
     * 0 to 1000.
     */
    void (*progress)(void*, uint32_t);
    /**
     * Threads the job may use at once.
     */
    uint32_t (*max_threads)(void*);
    /**
     * More memory than planned: 1 granted.
     */
    uint32_t (*reserve)(void*, uint64_t);
    /**
     * SSIMULACRA2 score of an encoding; NaN where the host cannot tell.
     */
    double (*score)(void*, struct SqzBytes);
    /**
     * A log line: level 1 error to 4 debug.
     */
    void (*log)(void*, uint32_t, struct SqzBytes);
    /**
     * Tells the text of the error that the call is about to return.
     */
    void (*fail)(void*, uint32_t, struct SqzBytes);
} SqzHost;

/**
 * What a job will need. Owned by the host, written by the plugin.
 */
typedef struct SqzPlan {
    /**
     * Size of this struct, set by the host.
     */
    uint32_t struct_size;
    /**
     * At least 1.
     */
    uint32_t useful_threads;
    /**
     * Bytes.
     */
    uint64_t peak_bytes;
    /**
     * Bytes.
     */
    uint64_t bytes_per_thread;
    /**
     * CPU nanoseconds.
     */
    uint64_t expected_ns;
    /**
     * Nanoseconds.
     */
    uint64_t stop_gap_ns;
} SqzPlan;

/**
 * What is true of a decoded image.
 */
typedef struct SqzImageHeader {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * Canvas width.
     */
    uint32_t width;
    /**
     * Canvas height.
     */
    uint32_t height;
    /**
     * 0 for ever.
     */
    uint32_t loop_count;
} SqzImageHeader;

/**
 * What is true of a decoded frame.
 */
typedef struct SqzFrameHeader {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * 1 picture, 2 page, 3 gain map, 4 depth, 5 thumbnail.
     */
    uint32_t role;
    /**
     * Width in pixels.
     */
    uint32_t width;
    /**
     * Height in pixels.
     */
    uint32_t height;
    /**
     * Numerator of the duration in seconds.
     */
    uint32_t duration_num;
    /**
     * Denominator of the duration.
     */
    uint32_t duration_den;
    /**
     * As in `SqzImageInfo`.
     */
    uint32_t sample;
    /**
     * As in `SqzImageInfo`.
     */
    uint32_t color;
    /**
     * Alpha included.
     */
    uint32_t channels;
    /**
     * Significant bits.
     */
    uint32_t bits;
    /**
     * As in `SqzImageInfo`.
     */
    uint32_t alpha;
    /**
     * Zero.
     */
    uint32_t reserved;
} SqzFrameHeader;

/**
 * Receives decoded pictures. Owned by the host; to be called from the calling thread alone. Each answers 0 to go on.
 */
typedef struct SqzFrameSink {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * Zero.
     */
    uint32_t reserved;
    /**
     * First argument of each function.
     */
    void *ctx;
    /**
     * Begins the image.
     */
    uint32_t (*image)(void*, const struct SqzImageHeader*);
    /**
     * Begins a frame.
     */
    uint32_t (*frame)(void*, const struct SqzFrameHeader*);
    /**
     * Rows: count, stride, data.
     */
    uint32_t (*rows)(void*, uint32_t, uint64_t, struct SqzBytes);
    /**
     * A metadata item and its value.
     */
    uint32_t (*metadata)(void*, const struct SqzItem*, struct SqzBytes);
    /**
     * Something the decoder got over.
     */
    uint32_t (*warning)(void*, struct SqzBytes);
    /**
     * Tells the text of the error that the call is about to return.
     */
    void (*fail)(void*, uint32_t, struct SqzBytes);
} SqzFrameSink;

/**
 * A guess at the result. Owned by the host, written by the plugin.
 */
typedef struct SqzEstimate {
    /**
     * Size of this struct, set by the host.
     */
    uint32_t struct_size;
    /**
     * 1 if it would be lossless.
     */
    uint32_t lossless;
    /**
     * Bytes; 0 leaves the estimate to the host.
     */
    uint64_t bytes;
} SqzEstimate;

/**
 * The function table of a plugin. Owned by the plugin, constant, valid for ever. Every function may be called from
 * any thread and from several at once. Each returns `SQZ_OK` or an error code.
 */
typedef struct SqzPlugin {
    /**
     * `SQZ_MAGIC`.
     */
    uint64_t magic;
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * `SQZ_ABI_MAJOR`.
     */
    uint32_t abi_major;
    /**
     * `SQZ_ABI_MINOR`.
     */
    uint32_t abi_minor;
    /**
     * Zero.
     */
    uint32_t reserved;
    /**
     * What this plugin is.
     */
    const struct SqzDescription *(*describe)(void);
    /**
     * Headers and structure only.
     */
    uint32_t (*inspect)(struct SqzBytes, const struct SqzInspectSink*, struct SqzImageInfo*);
    /**
     * What a job will need.
     */
    uint32_t (*plan)(struct SqzBytes,
                     const struct SqzImageInfo*,
                     const struct SqzOptions*,
                     const struct SqzHost*,
                     struct SqzPlan*);
    /**
     * Decodes every frame.
     */
    uint32_t (*decode)(struct SqzBytes, const struct SqzFrameSink*);
    /**
     * Offers candidates to the host.
     */
    uint32_t (*optimize)(struct SqzBytes,
                         const struct SqzImageInfo*,
                         const struct SqzOptions*,
                         const struct SqzHost*);
    /**
     * A quick guess; may be null.
     */
    uint32_t (*estimate)(struct SqzBytes,
                         const struct SqzImageInfo*,
                         const struct SqzOptions*,
                         const struct SqzHost*,
                         struct SqzEstimate*);
} SqzPlugin;

/**
 * A file format.
 */
typedef struct SqzFormat {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * Zero.
     */
    uint32_t reserved;
    /**
     * Short name.
     */
    struct SqzBytes name;
    /**
     * Media type.
     */
    struct SqzBytes mime;
    /**
     * Of `SqzBytes`: file name extensions without the dot.
     */
    struct SqzList extensions;
    /**
     * Of `SqzMagicSet`: one set is enough.
     */
    struct SqzList magic;
} SqzFormat;

/**
 * Magic that must all match.
 */
typedef struct SqzMagicSet {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * Zero.
     */
    uint32_t reserved;
    /**
     * Of `SqzMagic`.
     */
    struct SqzList magic;
} SqzMagicSet;

/**
 * Bytes at a fixed place that mark a format.
 */
typedef struct SqzMagic {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * Where they stand.
     */
    uint32_t offset;
    /**
     * The bytes.
     */
    struct SqzBytes bytes;
    /**
     * Which bits count; empty means all.
     */
    struct SqzBytes mask;
} SqzMagic;

/**
 * What a job costs before anything was measured.
 */
typedef struct SqzCost {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * 1 for lossy jobs.
     */
    uint32_t lossy;
    /**
     * 0 fast, 1 balanced, 2 best.
     */
    uint32_t effort;
    /**
     * CPU nanoseconds per pixel.
     */
    uint32_t ns_per_pixel;
    /**
     * Peak bytes per pixel.
     */
    uint32_t bytes_per_pixel;
    /**
     * Zero.
     */
    uint32_t reserved;
} SqzCost;

/**
 * An option of one plugin alone.
 */
typedef struct SqzPair {
    /**
     * Its name.
     */
    struct SqzBytes key;
    /**
     * Its value.
     */
    struct SqzBytes value;
} SqzPair;

/**
 * A metadata item's kind and name.
 */
typedef struct SqzLabel {
    /**
     * Size of this struct.
     */
    uint32_t struct_size;
    /**
     * A kind of the written vocabulary.
     */
    uint32_t kind;
    /**
     * Name within the kind.
     */
    struct SqzBytes name;
} SqzLabel;

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The one symbol that a plugin exports: returns its table, constant and valid for ever. May be called from any thread.
 */
const SqzPlugin *squeezed_plugin_entry(void);

#ifdef __cplusplus
}
#endif

#endif /* SQUEEZED_PLUGIN_H */
