# The codecs of the libheif inside plugins/heic, read by its CMake project before anything else (.cargo/config.toml).
# libheif-sys asks for all that libheif knows and gets what happens to be installed. Here that is libde265 and x265, which
# must be there (plugins/heic/build.rs says so); a test compares what the plugin needs at run time.
foreach(codec
        AOM_DECODER AOM_ENCODER DAV1D RAV1E SvtEnc X264 OpenH264_DECODER JPEG_DECODER JPEG_ENCODER KVAZAAR UVG266
        VVDEC VVENC OPENJPH_ENCODER OPENJPH_DECODER OPEN_JPH_ENCODER OpenJPEG_DECODER OpenJPEG_ENCODER FFMPEG_DECODER)
    set(WITH_${codec} OFF CACHE BOOL "not wanted" FORCE)
endforeach()
set(WITH_LIBDE265 ON CACHE BOOL "HEVC decoder" FORCE)
set(WITH_X265 ON CACHE BOOL "HEVC encoder" FORCE)
set(WITH_LIBSHARPYUV OFF CACHE BOOL "colours are not converted by libheif" FORCE)
set(WITH_UNCOMPRESSED_CODEC OFF CACHE BOOL "not wanted" FORCE)
