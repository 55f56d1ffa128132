//! The program as its users meet it: run from outside, everything it leaves behind read.

mod action;
mod advice;
mod command_line;
mod gates;
mod given;
mod glass;
mod golden;
mod kit;
mod lists;
mod manual;
mod numbered;
mod pages;
mod pipelines;
mod recorded;
mod stopped;
mod workspace;
