"""Names of people who do not exist, and the ways furnishers mistype them."""

from __future__ import annotations

from random import Random

_COMMON_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕"
    "丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱"
)
SURNAMES = (*_COMMON_SURNAMES, "欧阳", "司马", "上官", "诸葛", "单", "仇", "解", "翟")
GIVEN_FIRST = tuple("建志明文国晓小雨思子佳俊海永春家玉秀美丽红雪婷静欣怡梓浩宇泽晨嘉慧云天一")
GIVEN_SECOND = tuple("伟芳娜敏静强磊军洋勇艳杰娟涛超霞平刚桂英华兰梅鑫琳波辉宁凯峰莉萍玲鹏旭婷龙")
#: Characters many systems cannot store or print; every one of them stands in somebody's name.
RARE = ("䶮", "㛃", "𬀩", "堃", "犇")
LATIN_GIVEN = (
    "Anna", "Boris", "Carla", "David", "Elena", "Farid", "Grace", "Hugo", "Irene", "Jonas", "Karim",
    "Lucia", "Marco", "Nadia", "Oscar", "Petra", "Rosa", "Samuel", "Tereza", "Viktor",
)  # fmt: skip
LATIN_SURNAMES = (
    "Almeida", "Bergmann", "Castellano", "Dvorak", "Eriksen", "Fontaine", "Garrido", "Hoffmann",
    "Ivanova", "Johansson", "Kowalski", "Lindqvist", "Moreau", "Novotny", "Okafor", "Petrov",
)  # fmt: skip
RARE_SHARE = 0.012


def han_name(rng: Random, surname: str) -> str:
    """A full name: surname and one or two given characters, now and then a rare one."""
    second = rng.choice(GIVEN_SECOND)
    if rng.random() < RARE_SHARE:
        return surname + (rng.choice(GIVEN_FIRST) if rng.random() < 0.5 else "") + rng.choice(RARE)
    if rng.random() < 0.15:
        return surname + second
    return surname + rng.choice(GIVEN_FIRST) + second


def latin_name(rng: Random, surname: str) -> str:
    """A full name in Latin letters, given name first."""
    return f"{rng.choice(LATIN_GIVEN)} {surname}"


def mistyped(rng: Random, name: str) -> str:
    """The name as a careless furnisher typed it; mostly still recognisable, sometimes not."""
    if name.isascii():
        given, surname = name.split(" ", 1)
        style = rng.randrange(4)
        if style == 0:
            return f"{surname} {given}"
        if style == 1:
            return name.upper()
        if style == 2:
            return f"{given}  {surname}"
        cut = rng.randrange(2, len(surname))
        return f"{given} {surname[:cut]}{surname[cut + 1 :]}"
    if rng.random() < 0.8 or len(name) < 3:
        return f"{name[0]} {name[1:]}"
    # Another character for the last one: too far from the true name to be linked unseen.
    return name[:-1] + rng.choice([sign for sign in GIVEN_SECOND if sign != name[-1]])
