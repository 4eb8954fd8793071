/*
 * A complete plugin in C: it makes a textual PGM picture (P2) a binary one (P5) of the same pixels.
 *
 *   cc -std=c11 -O2 -shared -fPIC -fvisibility=hidden -I plugin-api/include plugin-api/examples/pgm.c -o libpgm.so
 */
#include "squeezed_plugin.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(s) { (const uint8_t *)(s), sizeof(s) - 1 }
#define LIST(a) { (a), (uint32_t)(sizeof(a) / sizeof((a)[0])), (uint32_t)sizeof((a)[0]) }

typedef void (*Fail)(void *, uint32_t, SqzBytes);

/* Tells the text of an error and gives its code back. */
static uint32_t fail(Fail tell, void *ctx, uint32_t code, const char *text)
{
    if (tell) {
        SqzBytes bytes = { (const uint8_t *)text, strlen(text) };
        tell(ctx, code, bytes);
    }
    return code;
}

typedef struct Reader {
    const uint8_t *at;
    const uint8_t *end;
    uint32_t code;
    const char *text;
} Reader;

static int is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next number; 0 with code and text set where there is none. */
static uint32_t number(Reader *r)
{
    uint32_t value = 0;
    while (r->at < r->end && is_space(*r->at))
        r->at++;
    if (r->at < r->end && *r->at == '#') {
        r->code = SQZ_ERROR_CODE_UNSUPPORTED_FEATURE;
        r->text = "comments";
        return 0;
    }
    if (r->at == r->end || *r->at < '0' || *r->at > '9') {
        r->code = SQZ_ERROR_CODE_BAD_IMAGE;
        r->text = "a number is missing";
        return 0;
    }
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        if (value > 9999999u) {
            r->code = SQZ_ERROR_CODE_BAD_IMAGE;
            r->text = "a number is too large";
            return 0;
        }
        value = value * 10 + (uint32_t)(*r->at++ - '0');
    }
    return value;
}

typedef struct Picture {
    uint32_t width;
    uint32_t height;
    int binary;
} Picture;

static Reader header(SqzBytes input, Picture *p)
{
    Reader r = { input.ptr, input.ptr, 0, NULL };
    if (input.len < 3 || input.ptr[0] != 'P' || (input.ptr[1] != '2' && input.ptr[1] != '5')) {
        r.code = SQZ_ERROR_CODE_BAD_IMAGE;
        r.text = "not a PGM picture";
        return r;
    }
    uint32_t max;
    r.end = input.ptr + input.len;
    r.at = input.ptr + 2;
    p->binary = input.ptr[1] == '5';
    p->width = r.code ? 0 : number(&r);
    p->height = r.code ? 0 : number(&r);
    max = r.code ? 0 : number(&r);
    if (!r.code && (p->width == 0 || p->height == 0)) {
        r.code = SQZ_ERROR_CODE_BAD_IMAGE;
        r.text = "a side is 0 pixels long";
    } else if (!r.code && max != 255) {
        r.code = SQZ_ERROR_CODE_UNSUPPORTED_FEATURE;
        r.text = "samples other than 0 to 255";
    } else if (!r.code && r.at < r.end) {
        r.at++; /* one white space stands before the samples */
    }
    return r;
}

/* Reads all samples into memory that the caller frees; NULL with code and text set where that fails. */
static uint8_t *samples(SqzBytes input, Picture *p, uint64_t max_pixels, Reader *r)
{
    uint64_t count, i;
    uint8_t *out;
    *r = header(input, p);
    if (r->code)
        return NULL;
    count = (uint64_t)p->width * p->height;
    if (count > max_pixels) {
        r->code = SQZ_ERROR_CODE_TOO_LARGE;
        r->text = "more pixels than allowed";
        return NULL;
    }
    /* A textual sample takes two bytes at least: a lying header reserves no memory. */
    if ((uint64_t)(r->end - r->at) < (p->binary ? count : 2 * count - 1)) {
        r->code = SQZ_ERROR_CODE_BAD_IMAGE;
        r->text = "ends before its last pixel";
        return NULL;
    }
    out = malloc((size_t)count);
    if (!out) {
        r->code = SQZ_ERROR_CODE_TOO_LARGE;
        r->text = "no memory left for this job";
        return NULL;
    }
    for (i = 0; i < count && !r->code; i++) {
        uint32_t value = p->binary ? *r->at++ : number(r);
        if (!r->code && value > 255) {
            r->code = SQZ_ERROR_CODE_BAD_IMAGE;
            r->text = "a sample is above 255";
        }
        out[i] = (uint8_t)value;
    }
    while (!r->code && !p->binary && r->at < r->end && is_space(*r->at))
        r->at++;
    if (!r->code && r->at != r->end) {
        r->code = SQZ_ERROR_CODE_UNSUPPORTED_FEATURE;
        r->text = "bytes after the picture";
    }
    if (r->code) {
        free(out);
        return NULL;
    }
    return out;
}

static uint32_t inspect(SqzBytes input, const SqzInspectSink *sink, SqzImageInfo *out)
{
    Picture p = { 0, 0, 0 };
    Reader r = header(input, &p);
    if (r.code)
        return fail(sink->fail, sink->ctx, r.code, r.text);
    out->width = p.width;
    out->height = p.height;
    out->frames = 1;
    out->loop_count = 1;
    out->orientation = 1;
    out->color = SQZ_COLOR_MODEL_GREY;
    out->channels = 1;
    out->sample = SQZ_SAMPLE_KIND_U8;
    out->bits = 8;
    out->alpha = SQZ_ALPHA_KIND_NONE;
    return SQZ_OK;
}

static uint32_t plan(SqzBytes input, const SqzImageInfo *info, const SqzOptions *options, const SqzHost *host,
                     SqzPlan *out)
{
    uint64_t pixels = (uint64_t)info->width * info->height;
    (void)input;
    if (options->extra.count)
        return fail(host->fail, host->ctx, SQZ_ERROR_CODE_BAD_OPTION, "pgm has no options of its own");
    out->useful_threads = 1;
    out->peak_bytes = 2 * pixels;
    out->expected_ns = 10 * pixels;
    return SQZ_OK;
}

static uint32_t decode(SqzBytes input, const SqzFrameSink *sink)
{
    Picture p = { 0, 0, 0 };
    Reader r;
    uint8_t *data = samples(input, &p, UINT64_MAX, &r);
    SqzImageHeader image = { sizeof image, p.width, p.height, 1 };
    SqzFrameHeader frame = { sizeof frame, SQZ_FRAME_ROLE_PICTURE, p.width, p.height, 0, 1, SQZ_SAMPLE_KIND_U8,
                             SQZ_COLOR_MODEL_GREY, 1, 8, SQZ_ALPHA_KIND_NONE, 0 };
    SqzBytes rows = { data, (uint64_t)p.width * p.height };
    uint32_t stopped;
    if (!data)
        return fail(sink->fail, sink->ctx, r.code, r.text);
    stopped = (sink->image && sink->image(sink->ctx, &image)) || (sink->frame && sink->frame(sink->ctx, &frame))
              || (sink->rows && sink->rows(sink->ctx, p.height, p.width, rows));
    free(data);
    return stopped ? SQZ_ERROR_CODE_STOPPED : SQZ_OK;
}

/* Writes the digits of `value` and a byte after them; gives the end back. */
static uint8_t *put(uint8_t *to, uint32_t value, uint8_t after)
{
    uint8_t digits[10];
    size_t n = 0;
    do
        digits[n++] = (uint8_t)('0' + value % 10);
    while (value /= 10);
    while (n)
        *to++ = digits[--n];
    *to++ = after;
    return to;
}

static uint32_t optimize(SqzBytes input, const SqzImageInfo *info, const SqzOptions *options, const SqzHost *host)
{
    static const uint8_t method[] = "binary";
    Picture p = { 0, 0, 0 };
    Reader r;
    SqzCandidate candidate;
    uint8_t *file, *end;
    uint64_t count;
    uint8_t *data = samples(input, &p, options->max_pixels, &r);
    uint32_t verdict;
    (void)info;
    if (!data)
        return fail(host->fail, host->ctx, r.code, r.text);
    count = (uint64_t)p.width * p.height;
    file = malloc((size_t)count + 32);
    if (!file) {
        free(data);
        return fail(host->fail, host->ctx, SQZ_ERROR_CODE_TOO_LARGE, "no memory left for this job");
    }
    memcpy(file, "P5\n", 3);
    end = put(put(put(file + 3, p.width, ' '), p.height, '\n'), 255, '\n');
    memcpy(end, data, (size_t)count);
    memset(&candidate, 0, sizeof candidate);
    candidate.struct_size = sizeof candidate;
    candidate.lossless = 1;
    candidate.bytes.ptr = file;
    candidate.bytes.len = (uint64_t)(end - file) + count;
    candidate.method.ptr = method;
    candidate.method.len = sizeof method - 1;
    verdict = host->offer ? host->offer(host->ctx, &candidate) : (uint32_t)SQZ_VERDICT_REJECTED;
    free(file);
    free(data);
    return verdict == SQZ_VERDICT_STOP ? SQZ_ERROR_CODE_STOPPED : SQZ_OK;
}

static const SqzBytes extensions[] = { TEXT("pgm") };
static const SqzBytes capabilities[] = { TEXT("lossless") };
static const SqzMagic p2[] = { { sizeof(SqzMagic), 0, TEXT("P2"), { NULL, 0 } } };
static const SqzMagic p5[] = { { sizeof(SqzMagic), 0, TEXT("P5"), { NULL, 0 } } };
static const SqzMagicSet magic[] = {
    { sizeof(SqzMagicSet), 0, LIST(p2) },
    { sizeof(SqzMagicSet), 0, LIST(p5) },
};
static const SqzFormat formats[] = {
    { sizeof(SqzFormat), 0, TEXT("pgm"), TEXT("image/x-portable-graymap"), LIST(extensions), LIST(magic) },
};
static const SqzCost costs[] = {
    { sizeof(SqzCost), 0, SQZ_EFFORT_FAST, 10, 2, 0 },
    { sizeof(SqzCost), 0, SQZ_EFFORT_BALANCED, 10, 2, 0 },
    { sizeof(SqzCost), 0, SQZ_EFFORT_BEST, 10, 2, 0 },
};
static const SqzDescription description = {
    sizeof(SqzDescription), 0, TEXT("pgm"), TEXT("0.1.0"), TEXT("MIT OR Apache-2.0"), TEXT(""), LIST(formats),
    LIST(capabilities), LIST(costs),
};

static const SqzDescription *describe(void)
{
    return &description;
}

static const SqzPlugin table = {
    SQZ_MAGIC, sizeof(SqzPlugin), SQZ_ABI_MAJOR, SQZ_ABI_MINOR, 0, describe, inspect, plan, decode, optimize, NULL,
};

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const SqzPlugin *squeezed_plugin_entry(void)
{
    return &table;
}
