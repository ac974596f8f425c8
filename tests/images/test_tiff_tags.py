"""Tags of a TIFF become EXIF."""

from PIL import Image

from compressor.images.loading import load_picture, open_picture


def test_tiff_tags_that_describe_the_picture_become_exif():
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0x829A] = 0.5
    # EXIF has the structure of a TIFF file: with one pixel at its end, where Pillow puts strips, it is one.
    for tag, value in {0x0100: 1, 0x0101: 1, 0x0102: 8, 0x0103: 1, 0x0106: 1, 0x0111: 0, 0x0117: 1}.items():
        exif[tag] = value
    picture = load_picture(open_picture(exif.tobytes()[6:] + b"x"))
    assert picture.image.size == (1, 1)
    reread = Image.Exif()
    reread.load(picture.metadata.exif)
    assert reread[0x010F] == "Maker"
    assert reread.get_ifd(0x8769)[0x829A] == 0.5
    assert 0x0111 not in reread, "the positions of the file's strips are left out"
